/** Files of TLS that a URL names, by the names that libpq has for them: they are read anew for each connection. */
import { readFile } from 'node:fs/promises'
import { InvalidArgumentError } from '@millrace/core/store'

/** What a connection is made with, as Node has it. */
export interface Certificates {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** By the parameter of the URL. */
const FILES: ReadonlyMap<string, keyof Certificates> = new Map([
  ['sslrootcert', 'ca'],
  ['sslcert', 'cert'],
  ['sslkey', 'key'],
])

/** What stands behind `?`. @throws InvalidArgumentError if it is not the paths of such files; it is not repeated */
export function checkCertificates({ protocol, searchParams }: URL): void {
  const names = [...searchParams.keys()]
  const isKnown = names.every((name) => FILES.has(name) && searchParams.get(name) !== '')
  const isPaired = searchParams.has('sslcert') === searchParams.has('sslkey')
  if (names.length === 0) return
  if (protocol === 'rediss:' && isKnown && isPaired && new Set(names).size === names.length) return
  throw new InvalidArgumentError('The URL of the Redis store has parameters that it cannot have.', {
    hint: 'Behind ? a rediss: URL takes paths of files in PEM: sslrootcert, and sslcert with sslkey. A ? in a password is written as %3F.',
  })
}

/** The URL without them, and what they hold now. */
export async function withCertificates(
  url: string,
): Promise<{ readonly url: string; readonly certificates: Certificates }> {
  const plain = new URL(url)
  const certificates: Record<string, string> = {}
  for (const [name, path] of plain.searchParams) certificates[FILES.get(name)!] = await readFile(path, 'utf8')
  plain.search = ''
  return { url: plain.href, certificates }
}
