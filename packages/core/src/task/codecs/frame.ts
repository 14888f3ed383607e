/**
 * How payloads of codecs look: one byte that says what wrote them (see `task/codec` for 0 and `task/fed-input` for 1),
 * a name where that needs one, whether the body was text, and the body.
 */
import type { Payload } from '../../store/records.ts'

/** First bytes. */
export const NAMED = 2
export const COMPRESSED = 3
export const ENCRYPTED = 4

const TEXT = 0
const BYTES = 1

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Whether only a codec of the definition's can read it. */
export function isCoded(payload: Payload): payload is Uint8Array {
  if (typeof payload === 'string') return false
  const [first] = payload
  return first === NAMED || first === COMPRESSED || first === ENCRYPTED
}

export function hasMark(payload: Payload, mark: number): payload is Uint8Array {
  return typeof payload !== 'string' && payload[0] === mark
}

/** Text and bytes as bytes, told apart by the first. */
export function flat(payload: Payload): Uint8Array {
  const body = typeof payload === 'string' ? encoder.encode(payload) : payload
  const bytes = new Uint8Array(body.length + 1)
  bytes[0] = typeof payload === 'string' ? TEXT : BYTES
  bytes.set(body, 1)
  return bytes
}

/** @throws Error if it is not what `flat` makes */
export function unflat(bytes: Uint8Array): Payload {
  const [kind] = bytes
  const body = bytes.subarray(1)
  if (kind === TEXT) return decoder.decode(body)
  if (kind === BYTES) return new Uint8Array(body) // a copy, and no Buffer
  throw new Error('it is neither text nor bytes')
}

/** @param name ASCII, of at most 255 characters */
export function frame(mark: number, name: string, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 + name.length + body.length)
  bytes[0] = mark
  bytes[1] = name.length
  bytes.set(encoder.encode(name), 2)
  bytes.set(body, 2 + name.length)
  return bytes
}

/** @throws Error if the name does not end before the bytes do */
export function unframe(bytes: Uint8Array): { readonly name: string; readonly body: Uint8Array } {
  const end = 2 + (bytes[1] ?? 0)
  if (end > bytes.length) throw new Error('it is cut off')
  return { name: decoder.decode(bytes.subarray(2, end)), body: bytes.subarray(end) }
}
