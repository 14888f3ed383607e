/** Payloads as columns: text is kept as text (never as json: it comes back to the letter), bytes as bytes. */
import type { Payload } from '@millrace/core/store'

export interface Columns {
  readonly text: string | null
  readonly raw: Buffer | null
}

const NONE: Columns = { text: null, raw: null }

export function columnsOf(payload: Payload | null): Columns {
  if (payload === null) return NONE
  return typeof payload === 'string'
    ? { text: payload, raw: null }
    : { text: null, raw: Buffer.from(payload) }
}

export function payloadOf(text: string | null, raw: Uint8Array | null): Payload | null {
  return raw === null ? text : new Uint8Array(raw)
}

/** Length of a payload in bytes. */
export function sizeOf(payload: Payload | null): number {
  if (payload === null) return 0
  return typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
}

/** Whether a record has no members. */
export function isEmpty(record: Readonly<Record<string, string>>): boolean {
  for (const _ in record) return false
  return true
}
