/**
 * How words of the port are kept in rows, which are written and read very often: as small numbers and letters. They are
 * part of the schema of every store that uses them: what one of them means never changes.
 */
import type { FailReason, HistoryEvent, IfFailed, TaskState } from './records.ts'

/** Everything from `succeeded` on is final; statements rest on that order. */
export const STATE: Readonly<Record<TaskState, number>> = {
  blocked: 0,
  pending: 1,
  running: 2,
  waiting: 3,
  succeeded: 4,
  failed: 5,
  cancelled: 6,
}

const STATES = Object.keys(STATE) as readonly TaskState[]

/** The first code of a final state: whatever is not below it has ended. */
export const FINAL_FROM: number = STATE.succeeded

/** The state by its number. */
export function stateOf(code: number): TaskState {
  return STATES[code]!
}

const REASONS: readonly FailReason[] = ['error', 'timeout', 'crashed', 'expired', 'invalid', 'dependency']

/** The number by which the reason of a failure is kept. */
export function reasonCode(reason: FailReason): number {
  return REASONS.indexOf(reason)
}

/** The reason of a failure by its number; `null` where there is none. */
export function reasonOf(code: number | null): FailReason | null {
  return code === null ? null : REASONS[code]!
}

const POLICIES: readonly IfFailed[] = ['cancel', 'fail', 'run', 'trigger']

/** The number by which the policy of an edge is kept. */
export function ifFailedCode(policy: IfFailed): number {
  return POLICIES.indexOf(policy)
}

/** The policy of an edge by its number. */
export function ifFailedOf(code: number): IfFailed {
  return POLICIES[code]!
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

/** The letter by which a history event is kept. */
export function eventLetter(event: HistoryEvent): string {
  return EVENT_LETTERS[event]
}

/** The history event of its letter. */
export function eventOf(letter: string): HistoryEvent {
  return EVENTS.get(letter)!
}

/** A nonce (16 hex digits) as the signed 64-bit integer that tables keep. */
export function nonceValue(nonce: string): bigint {
  return BigInt.asIntN(64, BigInt(`0x${nonce}`))
}
