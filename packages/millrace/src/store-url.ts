/** What a store URL says, and which stores this version has. */
import { StoreError } from '@millrace/core'
import { secretVariable } from './environment.ts'

/** A store that this version has, as its URL names it. */
export type StoreAddress =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'server'; readonly url: string }

/** The store of those who say nothing: a file in the current folder. */
export const DEFAULT_STORE_URL = 'sqlite:millrace.db'

const HINT =
  'Give sqlite:PATH (as in sqlite:millrace.db or sqlite:///var/lib/millrace.db), postgres://USER:PASSWORD@HOST/DATABASE, redis://HOST:PORT, https://HOST:PORT of a Millrace server, or memory:.'

/**
 * The URL that was given, else MILLRACE_STORE (or what stands in the file that MILLRACE_STORE_FILE names), else the default.
 *
 * @throws InvalidArgumentError if that file cannot be read
 */
export function storeUrl(given?: string): string {
  return given ?? secretVariable('MILLRACE_STORE')?.text ?? DEFAULT_STORE_URL
}

/**
 * Which store a URL means. Errors repeat its scheme only: the rest may hold a password.
 *
 * @throws StoreError with the code `store-url`
 */
export function parseStoreUrl(url: string): StoreAddress {
  const [, scheme, rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]+):([\s\S]*)$/.exec(url) ?? []
  if (scheme === undefined) throw new StoreUrlError('The store URL has no scheme.', HINT)
  switch (scheme.toLowerCase()) {
    case 'memory':
      if (rest === '') return { kind: 'memory' }
      throw new StoreUrlError('The store URL memory: takes nothing behind the colon.', HINT)
    case 'sqlite':
      return { kind: 'sqlite', path: sqlitePath(rest) }
    case 'postgres':
    case 'postgresql':
      return { kind: 'postgres', url: postgresUrl(url) }
    case 'redis':
    case 'rediss':
    case 'valkey':
    case 'valkeys':
      return { kind: 'redis', url: redisUrl(url) }
    case 'http':
    case 'https':
      return { kind: 'server', url: serverUrl(url) }
    default:
      throw new StoreUrlError(`Millrace knows no store for ${scheme}: URLs.`, HINT)
  }
}

/** A store URL as it may be shown: without its password. */
export function shownUrl(url: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return url
  // what cannot be taken apart may hold one all the same, by which it cannot be
  if (!URL.canParse(url)) return url.replace(/(:\/\/)[\s\S]*@/, '$1***@').replace(/\?[\s\S]*$/, '?***')
  const shown = new URL(url)
  const secrets = [...shown.searchParams.keys()].filter((name) => /password|secret|token/i.test(name))
  if (shown.password === '' && secrets.length === 0) return url
  if (shown.password !== '') shown.password = '***'
  for (const name of secrets) shown.searchParams.set(name, '***')
  return shown.href
}

/** `sqlite:PATH`, taken as it is; `sqlite:///PATH` is absolute, as URLs have it. */
function sqlitePath(rest: string): string {
  const path = rest.startsWith('//') ? rest.slice(2) : rest
  if (path === '') throw new StoreUrlError('The store URL names no file.', HINT)
  if (path === ':memory:') throw new StoreUrlError('A store in memory is not a file.', 'Its URL is memory:.')
  if (path.includes('\0')) throw new StoreUrlError('The path of the store holds a U+0000.', HINT)
  if (rest.startsWith('//') && !path.startsWith('/')) {
    throw new StoreUrlError(
      'The store URL names a host, which a file does not have.',
      'Write sqlite:PATH for a path below the current folder, and sqlite:///PATH for an absolute one.',
    )
  }
  return path
}

/** Left to the driver, but for what it would only tell by a riddle. */
function postgresUrl(url: string): string {
  if (/^postgres(ql)?:\/\/./i.test(url) && URL.canParse(url)) return url
  throw new StoreUrlError(
    'The store URL of Postgres cannot be read.',
    'Write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with signs like @ and / in a password as %40 and %2F.',
  )
}

/** A host is all that it needs; the rest is the store's to judge. */
function redisUrl(url: string): string {
  const parsed = URL.parse(url)
  if (parsed !== null && parsed.hostname !== '' && /^\/?\d*$/.test(parsed.pathname)) return url
  throw new StoreUrlError(
    'The store URL of Redis cannot be read.',
    'Write redis://USER:PASSWORD@HOST:PORT/DATABASE, as in redis://localhost; rediss:// is the same with TLS.',
  )
}

/** A host is all that it needs; what else a URL may not have is the store's to say. */
function serverUrl(url: string): string {
  const parsed = URL.parse(url)
  if (parsed !== null && parsed.hostname !== '') return url
  throw new StoreUrlError('The URL of the server cannot be read.', 'Write https://HOST:PORT.')
}

class StoreUrlError extends StoreError {
  constructor(message: string, hint: string) {
    super('store-url', message, { effect: 'final', hint })
    this.name = 'StoreError'
  }
}
