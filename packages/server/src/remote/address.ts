/** Where a server is, and by what a client comes there. */
import { checkMembers, InvalidArgumentError, StoreError, type Members } from '@millrace/core/store'

/** What a store over a server may be told. */
export interface RemoteStoreOptions {
  /** `https://HOST:PORT`; `http://` only for an address of this very machine, as `http://127.0.0.1:PORT`. */
  readonly url: string
  /** What tells the server who calls: an API key, or a JWT. Default: none, which only a client certificate makes up for. */
  readonly token?: string | undefined
  /** Certificates that are trusted instead of the system's, as PEM. */
  readonly ca?: string | undefined
  /** The client's own certificate and its private key, as PEM: both or none. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** The name that the certificate of the server has. Default: the host of the URL. */
  readonly servername?: string | undefined
}

/** Options that were looked over: plain data, which can be sent to a thread. */
export interface RemoteAddress {
  /** As the resolver of gRPC takes it: `dns:HOST:PORT`. */
  readonly target: string
  readonly isSecure: boolean
  /** As it is shown. */
  readonly place: string
  readonly token: string | null
  readonly ca: string | null
  readonly pair: { readonly cert: string; readonly key: string } | null
  readonly servername: string | null
}

const MEMBERS: Members<RemoteStoreOptions> = {
  url: true,
  token: true,
  ca: true,
  cert: true,
  key: true,
  servername: true,
}

const PORTS: Readonly<Record<string, string>> = { 'https:': '443', 'http:': '80' }
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/
/** What can stand in a header. */
const TOKEN = /^[\x21-\x7e]{1,8192}$/

/** @throws StoreError `store-url`; InvalidArgumentError for other options */
export function remoteAddress(options: RemoteStoreOptions): RemoteAddress {
  checkMembers(options, MEMBERS, 'the server')
  const { url, token, ca, cert, key, servername } = options
  const { protocol, host, hostname, port } = checkedUrl(url)
  const isSecure = protocol === 'https:'
  if (!isSecure && (ca ?? cert ?? key ?? servername) !== undefined)
    throw new InvalidArgumentError('Certificates are given for an http:// URL.', {
      hint: 'Write https://: without TLS nobody would look at them.',
    })
  if ((cert === undefined) !== (key === undefined))
    throw new InvalidArgumentError('A client certificate needs its private key, and a key its certificate.')
  if (token !== undefined && !TOKEN.test(token))
    throw new InvalidArgumentError('The token holds what no token has.', {
      hint: 'It is one line of letters, digits and signs, without blanks around it.',
    })
  return {
    target: `dns:${hostname}:${port === '' ? PORTS[protocol] : port}`,
    isSecure,
    place: host,
    token: token ?? null,
    ca: ca ?? null,
    pair: cert === undefined || key === undefined ? null : { cert, key },
    servername: servername ?? null,
  }
}

/** Errors do not repeat the URL, which may hold a secret. */
function checkedUrl(url: string): URL {
  const parsed = URL.parse(url)
  if (parsed === null || !(parsed.protocol in PORTS) || parsed.hostname === '')
    throw urlError('The URL of the server cannot be read.', 'Write https://HOST:PORT.')
  if (parsed.username !== '' || parsed.password !== '')
    throw urlError(
      'The URL of the server holds a name or a password.',
      'Give the token as MILLRACE_TOKEN, MILLRACE_TOKEN_FILE or the option `token`.',
    )
  if (parsed.pathname !== '/' || parsed.search !== '' || parsed.hash !== '')
    throw urlError('The URL of the server has more than a host and a port.', 'Write https://HOST:PORT.')
  if (parsed.protocol === 'http:' && !LOOPBACK.test(parsed.hostname))
    throw urlError(
      'A server on another machine is not talked to without TLS: the token, and all tasks, could be read on the way.',
      'Write https://. Behind http:// there can only be localhost, 127.0.0.1 or [::1].',
    )
  return parsed
}

function urlError(message: string, hint: string): StoreError {
  return new StoreError('store-url', message, { effect: 'final', hint })
}
