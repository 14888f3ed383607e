import { createHash, hash } from 'node:crypto'

/** SHA-1 of a name in its namespace. For name-based ids, as RFC 9562 has it; nothing rests on its strength. */
export function sha1(namespace: Uint8Array, name: Uint8Array): Uint8Array {
  return createHash('sha1').update(namespace).update(name).digest()
}

/** The first 48 bits of the SHA-256 of a text, as 12 hex digits: to tell kinds of things apart. */
export function fingerprint(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 12)
}

/** The first 96 bits of the SHA-256 of a text and some data, as 16 characters of base64url. */
export function digest(text: string, data: string | Uint8Array): string {
  if (typeof data === 'string') return hash('sha256', text + data, 'base64url').slice(0, 16)
  return createHash('sha256').update(text).update(data).digest('base64url').slice(0, 16)
}
