/**
 * The life of a task: which operation may meet it in which state, and what it does there. Whatever is not
 * in this table is refused and writes nothing.
 */
import type { Counters, FailReason, HistoryEvent, TaskState } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

/** A task's state, and `absent` before its birth and after its removal. */
export type Place = TaskState | 'absent'

/** What can be done to a task; which states each leads from and to is said by the table of transitions. */
export type Operation =
  | 'enqueue'
  | 'enqueue-blocked'
  | 'unblock'
  | 'dependency-cancel'
  | 'dependency-fail'
  | 'claim'
  | 'reclaim'
  | 'note'
  | 'succeed'
  | 'retry-later'
  | 'crash'
  | 'crash-isolated'
  | 'snooze'
  | 'return'
  | 'fail'
  | 'fail-crashed'
  | 'fail-crashed-isolated'
  | 'fail-uncounted'
  | 'request-cancel'
  | 'end-cancelled'
  | 'park'
  | 'wake'
  | 'expire'
  | 'outlive'
  | 'cancel'
  | 'replace'
  | 'restart'
  | 'remove'
  | 'hold'
  | 'release'
  | 'edit'

interface Rule {
  readonly from: readonly Place[]
  /** `same`: the state stays. */
  readonly to: Place | 'same'
  /** The counters that grow by one. */
  readonly counts?: readonly (keyof Counters)[]
  /** Whether the task starts over: what is not counted here goes back to zero, but for the generation. */
  readonly resets?: true
  /** Whether ownership changes, so that every older fence is void. */
  readonly newEpoch?: true
  /** Why the task failed, where the operation alone says it. */
  readonly reason?: FailReason
  readonly event?: HistoryEvent
}

const NOT_STARTED: readonly Place[] = ['blocked', 'pending']
/** Live, and in nobody's hands. A task that runs is outlived by way of `reclaim` and `fail`. */
const NOT_RUNNING: readonly Place[] = ['blocked', 'pending', 'waiting']
const OVER_WITHOUT_SUCCESS: readonly Place[] = ['failed', 'cancelled']

export const LIFECYCLE: Readonly<Record<Operation, Rule>> = {
  enqueue: { from: ['absent'], to: 'pending', event: 'enqueued' },
  'enqueue-blocked': { from: ['absent'], to: 'blocked', event: 'enqueued' },
  unblock: { from: ['blocked'], to: 'pending', event: 'unblocked' },
  'dependency-cancel': { from: ['blocked'], to: 'cancelled', event: 'cancelled' },
  'dependency-fail': { from: ['blocked'], to: 'failed', reason: 'dependency', event: 'failed' },
  claim: { from: ['pending'], to: 'running', counts: ['claims'], newEpoch: true, event: 'claimed' },
  reclaim: { from: ['running'], to: 'same', newEpoch: true, event: 'reclaimed' },
  note: { from: ['running'], to: 'same' },
  succeed: { from: ['running'], to: 'succeeded', event: 'succeeded' },
  'retry-later': { from: ['running'], to: 'pending', counts: ['failures'], event: 'retry' },
  crash: { from: ['running'], to: 'pending', counts: ['crashes'], event: 'crashed' },
  'crash-isolated': {
    from: ['running'],
    to: 'pending',
    counts: ['crashes', 'isolatedCrashes'],
    event: 'crashed',
  },
  snooze: { from: ['running'], to: 'pending', counts: ['snoozes'], event: 'snoozed' },
  return: { from: ['running'], to: 'pending', counts: ['returns'], event: 'returned' },
  fail: { from: ['running'], to: 'failed', counts: ['failures'], event: 'failed' },
  'fail-crashed': { from: ['running'], to: 'failed', counts: ['crashes'], event: 'failed' },
  'fail-crashed-isolated': {
    from: ['running'],
    to: 'failed',
    counts: ['crashes', 'isolatedCrashes'],
    event: 'failed',
  },
  'fail-uncounted': { from: ['running'], to: 'failed', event: 'failed' },
  'request-cancel': { from: ['running'], to: 'same', event: 'cancel-requested' },
  'end-cancelled': { from: ['running'], to: 'cancelled', event: 'cancelled' },
  park: { from: ['running'], to: 'waiting', counts: ['parks'] },
  wake: { from: ['waiting'], to: 'pending' },
  expire: { from: NOT_STARTED, to: 'failed', reason: 'expired', event: 'failed' },
  outlive: { from: NOT_RUNNING, to: 'failed', reason: 'timeout', event: 'failed' },
  cancel: { from: NOT_RUNNING, to: 'cancelled', newEpoch: true, event: 'cancelled' },
  replace: { from: NOT_STARTED, to: 'cancelled', newEpoch: true, event: 'cancelled' },
  restart: {
    from: OVER_WITHOUT_SUCCESS,
    to: 'pending',
    counts: ['generation'],
    resets: true,
    newEpoch: true,
    event: 'restarted',
  },
  remove: { from: [...NOT_RUNNING, 'succeeded', 'failed', 'cancelled'], to: 'absent' },
  hold: { from: NOT_STARTED, to: 'same', event: 'held' },
  release: { from: NOT_STARTED, to: 'same', event: 'released' },
  edit: { from: NOT_STARTED, to: 'same', event: 'edited' },
}

/** What an operation does to a task. */
export interface Step {
  readonly to: Place
  readonly counts: readonly (keyof Counters)[]
  readonly resets: boolean
  readonly newEpoch: boolean
  readonly reason: FailReason | null
  readonly event: HistoryEvent | null
}

const NOTHING: readonly (keyof Counters)[] = []

/** Ends that a handler brings about by rejecting, or by not being able to succeed. */
const REJECTIONS: ReadonlySet<Operation> = new Set(['fail', 'fail-uncounted'])

/**
 * What an operation does to a task in this state; `null` if the lifecycle does not allow it.
 *
 * @param cancelRequested while it stands, every way from running back to pending and every failure but a
 *   crash ends in cancelled, and counts nothing
 */
export function step(from: Place, operation: Operation, cancelRequested: boolean): Step | null {
  const rule = LIFECYCLE[operation]
  if (!rule.from.includes(from)) return null
  const to = rule.to === 'same' ? from : rule.to
  const turned = cancelRequested && from === 'running' && (to === 'pending' || REJECTIONS.has(operation))
  return {
    to: turned ? 'cancelled' : to,
    counts: turned ? NOTHING : (rule.counts ?? NOTHING),
    resets: rule.resets ?? false,
    newEpoch: rule.newEpoch ?? false,
    reason: rule.reason ?? null,
    event: turned ? 'cancelled' : (rule.event ?? null),
  }
}

/** The operation that a transition asks for. */
export function operationOf(transition: Transition): Operation {
  switch (transition.to) {
    case 'succeeded':
      return 'succeed'
    case 'cancelled':
      return 'end-cancelled'
    case 'running':
      return 'note'
    case 'failed':
      return FAILED_OPERATIONS[transition.count]
    case 'pending':
      return PENDING_OPERATIONS[transition.count]
  }
}

/** What becomes of a transition while a cancel request stands: the same, or a cancellation that keeps the error. */
export function underCancelRequest(transition: Transition): Transition {
  const taken = step('running', operationOf(transition), true)
  if (taken?.to !== 'cancelled' || !('error' in transition)) return transition
  return { to: 'cancelled', error: transition.error }
}

const FAILED_OPERATIONS = {
  failure: 'fail',
  crash: 'fail-crashed',
  'isolated-crash': 'fail-crashed-isolated',
  none: 'fail-uncounted',
} as const

const PENDING_OPERATIONS = {
  failure: 'retry-later',
  crash: 'crash',
  'isolated-crash': 'crash-isolated',
  return: 'return',
  snooze: 'snooze',
} as const

export const NO_COUNTERS: Counters = {
  claims: 0,
  failures: 0,
  crashes: 0,
  isolatedCrashes: 0,
  returns: 0,
  snoozes: 0,
  parks: 0,
  generation: 0,
}

/** The counters after a step. */
export function countersAfter(counters: Counters, taken: Step): Counters {
  if (taken.counts.length === 0) return counters
  const next = taken.resets ? { ...NO_COUNTERS, generation: counters.generation } : { ...counters }
  for (const counter of taken.counts) next[counter] += 1
  return next
}

/**
 * How many claims of a task are not counted by the way they ended: 1 while one runs, and for good if the
 * task ended from there without counting (success, cancellation, a failure that counts nothing).
 */
export type OpenClaims = 0 | 1

/** The open claims after a step. */
export function openClaimsAfter(before: OpenClaims, from: Place, taken: Step): OpenClaims {
  if (taken.to === 'running') return 1
  if (taken.resets) return 0
  if (from === 'running') return taken.counts.length === 0 ? 1 : 0
  return before
}

/** Every claim ends in exactly one way: `claims` is the sum of the ways, plus what is open. */
export function claimsAddUp(counters: Counters, openClaims: OpenClaims): boolean {
  const { claims, failures, crashes, isolatedCrashes, returns, snoozes, parks } = counters
  return claims === failures + crashes + returns + snoozes + parks + openClaims && isolatedCrashes <= crashes
}
