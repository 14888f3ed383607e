/** How words of the port are kept: as small numbers, because a row of a task is written and read very often. */
import type { FailReason, HistoryEvent, IfFailed, TaskState } from '@millrace/core/store'

/**
 * A task's state as its row has it. A running task's row still says `pending`: a claim does not touch the row,
 * it writes a small one into `running`. Everything from `succeeded` on is final; queries rest on that order.
 */
export const STATE: Readonly<Record<TaskState, number>> = {
  blocked: 0,
  pending: 1,
  running: 2,
  waiting: 3,
  succeeded: 4,
  failed: 5,
  cancelled: 6,
}

const STATES: readonly TaskState[] = [
  'blocked',
  'pending',
  'running',
  'waiting',
  'succeeded',
  'failed',
  'cancelled',
]

export const FINAL_FROM: number = STATE.succeeded

export function stateOf(code: number): TaskState {
  return STATES[code]!
}

const REASONS: readonly FailReason[] = ['error', 'timeout', 'crashed', 'expired', 'invalid', 'dependency']

export function reasonCode(reason: FailReason): number {
  return REASONS.indexOf(reason)
}

export function reasonOf(code: number | null): FailReason | null {
  return code === null ? null : REASONS[code]!
}

const POLICIES: readonly IfFailed[] = ['cancel', 'fail', 'run']

export function ifFailedCode(policy: IfFailed): number {
  return POLICIES.indexOf(policy)
}

const EVENT_LETTERS: Readonly<Record<HistoryEvent, string>> = {
  enqueued: 'e',
  unblocked: 'u',
  claimed: 'c',
  reclaimed: 'k',
  succeeded: 's',
  failed: 'f',
  cancelled: 'x',
  retry: 'r',
  crashed: 'z',
  snoozed: 'n',
  returned: 'b',
  'cancel-requested': 'q',
  held: 'h',
  released: 'l',
  edited: 'd',
  restarted: 'g',
}

const EVENTS: ReadonlyMap<string, HistoryEvent> = new Map(
  Object.entries(EVENT_LETTERS).map(([event, letter]) => [letter, event as HistoryEvent]),
)

export function eventLetter(event: HistoryEvent): string {
  return EVENT_LETTERS[event]
}

export function eventOf(letter: string): HistoryEvent {
  return EVENTS.get(letter)!
}

/** A nonce (16 hex digits) as the signed 64-bit integer that the file keeps. */
export function nonceValue(nonce: string): bigint {
  return BigInt.asIntN(64, BigInt(`0x${nonce}`))
}

/** The 16 bytes of a UUID. */
export function idBytes(id: string): Uint8Array {
  const bytes = new Uint8Array(16)
  writeId(bytes, 0, id)
  return bytes
}

/** Writes the 16 bytes of a canonical UUID. Faster than Buffer's hex, which would need the dashes cut out first. */
export function writeId(into: Uint8Array, at: number, id: string): void {
  let to = at
  for (let from = 0; from < 36; from += 2) {
    if (id.charCodeAt(from) === DASH) from += 1
    into[to++] = (digitOf(id.charCodeAt(from)) << 4) | digitOf(id.charCodeAt(from + 1))
  }
}

const DASH = 45

function digitOf(code: number): number {
  return code > 57 ? code - 87 : code - 48
}

/** A UUID from 32 lower-case hex digits. */
export function idFromHex(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

const DIGITS = Buffer.from('0123456789abcdef')

/** UUIDs from 16 bytes each. They are written out as bytes first: joining parts of strings makes twice the garbage. */
export function idsFromBytes(bytes: Uint8Array): string[] {
  const count = bytes.length / 16
  const text = Buffer.allocUnsafe(36 * count)
  let to = 0
  for (let from = 0; from < bytes.length; from++) {
    const byte = bytes[from]!
    const position = from & 15
    if (position === 4 || position === 6 || position === 8 || position === 10) text[to++] = DASH
    text[to++] = DIGITS[byte >> 4]!
    text[to++] = DIGITS[byte & 15]!
  }
  return Array.from({ length: count }, (_, index) => text.toString('latin1', 36 * index, 36 * index + 36))
}
