/** How data is measured, and what is kept or sent apart from the rest. */
import type { Payload } from '@millrace/core/store'

/** Larger texts, and all bytes, are kept apart from a task's row, so that rows stay small. */
const INLINE_CHARS_MAX = 1_024

/** Separates payloads that travel as one text; a payload that contains it is kept apart. JSON never does. */
export const SEPARATOR = '\u001e'

/** What a row counts towards retention besides its data. */
export const ROW_BYTES = 200

/** Whether data has to be kept apart from a row. */
export function isApart(data: Payload): boolean {
  return typeof data !== 'string' || data.length > INLINE_CHARS_MAX || data.includes(SEPARATOR)
}

/** Bytes of a payload; text in UTF-8. */
export function sizeOf(payload: Payload): number {
  return typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
}
