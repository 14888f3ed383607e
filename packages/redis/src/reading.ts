/** Reads what scripts answer: ids, payloads, and the extras of a task. */
import type { CancelRequest, Payload } from '@millrace/core/store'

/** The UUID that begins there. */
export function idOf(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A payload of its own: what Redis answered is one large buffer, which nobody should hold on to. */
export function payloadOf(bytes: Buffer, from: number, binary: boolean): Payload {
  return binary ? new Uint8Array(bytes.subarray(from)) : bytes.toString('utf8', from)
}

/** A payload with a letter before it that says what it is. */
export function taggedPayload(bytes: Buffer): Payload {
  return payloadOf(bytes, 1, bytes[0] === 0x62)
}

export type Extras = ReadonlyMap<string, Buffer>

const NO_EXTRAS: Extras = new Map()

export function extrasOf(flat: readonly Buffer[]): Extras {
  if (flat.length === 0) return NO_EXTRAS
  const extras = new Map<string, Buffer>()
  for (let i = 0; i < flat.length; i += 2) extras.set(flat[i]!.toString('latin1'), flat[i + 1]!)
  return extras
}

export function numberIn(extras: Extras, field: string): number | null {
  const text = extras.get(field)
  return text === undefined ? null : Number(text.toString('latin1'))
}

export function cancelOf(packed: Buffer | undefined): CancelRequest | null {
  if (packed === undefined || packed.length === 0) return null
  return { at: packed.readUIntBE(0, 6), reason: packed[6] === 0x74 ? packed.toString('utf8', 7) : null }
}
