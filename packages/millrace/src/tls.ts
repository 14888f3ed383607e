/** The certificates by which a client knows its server, and is known by it: files, as the server's own are. */
import { readFileSync } from 'node:fs'
import { checkMembers, InvalidArgumentError, type Members } from '@millrace/core'
import type { RemoteStoreOptions } from '@millrace/server/remote'

/** Paths of files in PEM, and a name. */
export interface ConnectTls {
  /** Who signs the certificate of the server. Default: those that Node trusts. */
  readonly ca?: string | undefined
  /** The client's own certificate and its private key: both or none. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** The name that the certificate of the server has. Default: the host of the URL. */
  readonly servername?: string | undefined
}

const MEMBERS: Members<ConnectTls> = { ca: true, cert: true, key: true, servername: true }

/** @throws InvalidArgumentError if a file cannot be read */
export function tlsOf(
  tls: ConnectTls | undefined,
): Pick<RemoteStoreOptions, 'ca' | 'cert' | 'key' | 'servername'> {
  if (tls === undefined) return {}
  checkMembers(tls, MEMBERS, 'tls')
  return {
    ca: textOf(tls.ca, 'ca'),
    cert: textOf(tls.cert, 'cert'),
    key: textOf(tls.key, 'key'),
    servername: tls.servername,
  }
}

function textOf(path: string | undefined, name: string): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    throw new InvalidArgumentError(`tls.${name} cannot be read (${code}).`, {
      hint: 'It is the path of a file in PEM which this program may read.',
      cause,
    })
  }
}
