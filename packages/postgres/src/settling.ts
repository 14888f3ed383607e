/** Applies what core decided about claims, under their fences, one by one: the tasks are locked. */
import {
  STATE,
  underCancelRequest,
  type CancelRequest,
  type Counters,
  type HistoryEvent,
  type LogEntry,
  type Notes,
  type Settlement,
  type Transition,
  type Verdict,
} from '@millrace/core/store'
import { columnsOf } from './payloads.ts'
import {
  comeBack,
  countersOf,
  draftOf,
  end,
  isRunning,
  setCheckpoint,
  setCounters,
  setError,
  setResult,
  tell,
  type Draft,
} from './tasks.ts'
import type { Pass } from './pass.ts'

const LOG_ENTRIES_MAX = 100

/**
 * The task must be loaded.
 *
 * @param exchangeNonce that of the exchange which brings the settlement
 */
export function settle(pass: Pass, settlement: Settlement, exchangeNonce: string): Verdict {
  const { fence, seq: number, transition } = settlement
  const draft = draftOf(pass, fence.task)
  if (draft === undefined) return 'stale'
  const { task } = draft
  const runs = isRunning(task)
  if (task.epoch !== fence.epoch || task.nonce !== fence.nonce) {
    // this very exchange settled it and then claimed it anew, but was not answered
    return runs && task.nonce === exchangeNonce ? 'applied' : 'stale'
  }
  if (!runs && number !== task.settled) return 'stale'
  // the same once more, or a late copy of one before it: what it says was applied
  if (number <= task.settled) return verdictOn(draft, transition)
  takeNotes(draft, settlement.notes)
  task.settled = number
  apply(pass, draft, task.cancel === null ? transition : underCancelRequest(transition))
  return verdictOn(draft, transition)
}

function verdictOn({ task }: Draft, { to }: Transition): Verdict {
  return task.state === STATE.cancelled && to !== 'cancelled' && to !== 'running' ? 'cancelled' : 'applied'
}

function takeNotes({ task }: Draft, notes: Notes | null): void {
  if (notes === null) return
  if (notes.progress !== null) task.progress = JSON.stringify(notes.progress)
  if (notes.logs.length === 0) return
  const logs = task.logs === null ? [] : (JSON.parse(task.logs) as LogEntry[])
  task.logs = JSON.stringify([...logs, ...notes.logs].slice(-LOG_ENTRIES_MAX))
}

function apply(pass: Pass, draft: Draft, transition: Transition): void {
  const { task } = draft
  const { session } = task
  if ('shut' in transition && transition.shut !== undefined) pass.shut.push(transition.shut)
  switch (transition.to) {
    case 'running':
      if (transition.checkpoint !== null) setCheckpoint(pass, draft, transition.checkpoint)
      return
    case 'succeeded':
      setError(task, null)
      setResult(draft, columnsOf(transition.result), transition.result)
      // the history of a success is in other columns
      end(pass, draft, { state: STATE.succeeded })
      return
    case 'failed':
      count(draft, FAILED_COUNTS[transition.count])
      setError(task, transition.error)
      tell(pass, draft, { event: 'failed', session, detail: transition.reason })
      end(pass, draft, { state: STATE.failed, reason: transition.reason })
      return
    case 'cancelled':
      count(draft, [])
      if (transition.error !== null) setError(task, transition.error)
      tell(pass, draft, { event: 'cancelled', session, detail: cancelReason(draft) })
      end(pass, draft, { state: STATE.cancelled })
      return
    case 'pending':
      backToPending(pass, draft, transition)
  }
}

/** While a cancel request stands, the way back is the end, and counts nothing. */
export function backToPending(
  pass: Pass,
  draft: Draft,
  transition: Extract<Transition, { to: 'pending' }>,
): void {
  const { task } = draft
  const { session } = task
  const { count: way, delayMs, error } = transition
  if (error !== null) setError(task, error)
  if (task.cancel !== null) {
    count(draft, [])
    tell(pass, draft, { event: 'cancelled', session, detail: cancelReason(draft) })
    end(pass, draft, { state: STATE.cancelled })
    return
  }
  count(draft, PENDING_COUNTS[way])
  if (delayMs !== null) task.runAt = pass.now + delayMs
  const detail = error?.name ?? (delayMs === null ? null : String(delayMs))
  tell(pass, draft, { event: PENDING_EVENTS[way], session, detail })
  comeBack(pass, task)
  task.cause = null
  task.attemptAt = null
  task.missed = 0
}

const FAILED_COUNTS = {
  failure: ['failures'],
  crash: ['crashes'],
  'isolated-crash': ['crashes', 'isolatedCrashes'],
  none: [],
} as const satisfies Record<string, readonly (keyof Counters)[]>

const PENDING_COUNTS = {
  failure: ['failures'],
  crash: ['crashes'],
  'isolated-crash': ['crashes', 'isolatedCrashes'],
  return: ['returns'],
  snooze: ['snoozes'],
} as const satisfies Record<string, readonly (keyof Counters)[]>

const PENDING_EVENTS = {
  failure: 'retry',
  crash: 'crashed',
  'isolated-crash': 'crashed',
  return: 'returned',
  snooze: 'snoozed',
} as const satisfies Record<string, HistoryEvent>

/** One claim more has ended, in this way. */
function count({ task }: Draft, ways: readonly (keyof Counters)[]): void {
  const counters = countersOf(task)
  counters.claims += 1
  for (const way of ways) counters[way] += 1
  setCounters(task, counters)
}

function cancelReason({ task }: Draft): string | null {
  return task.cancel === null ? null : (JSON.parse(task.cancel) as CancelRequest).reason
}
