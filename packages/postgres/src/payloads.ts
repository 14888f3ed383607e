/**
 * Payloads as columns. Text is kept as text, unless it holds U+0000, which Postgres cannot keep; that and bytes
 * are kept raw, behind one byte that says which it is.
 */
import type { Payload } from '@millrace/core/store'

const RAW = { text: 0, bytes: 1 } as const

export interface Columns {
  readonly text: string | null
  readonly raw: Buffer | null
}

const NONE: Columns = { text: null, raw: null }

export function isPlainText(payload: Payload): payload is string {
  return typeof payload === 'string' && !payload.includes('\0')
}

export function columnsOf(payload: Payload | null): Columns {
  if (payload === null) return NONE
  if (isPlainText(payload)) return { text: payload, raw: null }
  const [kind, data] =
    typeof payload === 'string' ? [RAW.text, Buffer.from(payload)] : [RAW.bytes, payload]
  return { text: null, raw: Buffer.concat([Uint8Array.of(kind), data]) }
}

export function payloadOf(text: string | null, raw: Uint8Array | null): Payload | null {
  if (raw === null) return text
  if (raw[0] === RAW.text) return Buffer.from(raw.buffer, raw.byteOffset + 1, raw.length - 1).toString()
  return new Uint8Array(raw.subarray(1))
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
