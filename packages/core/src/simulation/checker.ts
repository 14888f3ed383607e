/** Judges a history: whether anything was lost, done twice, done by somebody who might not, or miscounted. */
import { bookOf } from './checks/book.ts'
import { checkCalls } from './checks/calls.ts'
import { checkFires } from './checks/fires.ts'
import { checkJoins } from './checks/joins.ts'
import { checkKeys } from './checks/keys.ts'
import { checkLeases } from './checks/leases.ts'
import { checkLimits } from './checks/limits.ts'
import { checkLives } from './checks/lives.ts'
import { checkOutcomes } from './checks/outcomes.ts'
import { checkRecovery } from './checks/recovery.ts'
import { checkRest } from './checks/rest.ts'
import { checkRuns } from './checks/runs.ts'
import { checkSeries } from './checks/series.ts'
import { checkTimes } from './checks/times.ts'
import type { Allowance } from '../store/flow.ts'
import type { TaskId } from '../store/records.ts'
import type { History, Span } from './history.ts'

/** What is promised about a run beyond what holds of every run. What is left out is not judged. */
export interface Bounds {
  /** Every enqueue was journalled: what the store holds beyond that, it made up. */
  readonly enqueues?: 'all journalled' | undefined
  /** The run was given the time to come to rest: nothing is left to do, but for these. */
  readonly rest?: { readonly except: readonly TaskId[] } | undefined
  /** No call is still under way. */
  readonly calls?: 'all answered' | undefined
  /** Ids are remembered for longer than the run took: each is created once. */
  readonly ids?: 'remembered' | undefined
  /** When the store went back in time, what it was told in these spans may be forgotten. */
  readonly forgotten?: readonly Span[] | undefined
  /**
   * How far store time was ahead of the axis, throughout. It is compared with times of the journals then, which
   * may be wrong by `toleranceMs` (0 by default).
   */
  readonly storeTime?: { readonly aheadMs: number; readonly toleranceMs?: number | undefined } | undefined
  /** What a killed process ran is run again, or has ended, within so long. */
  readonly recoveryMs?: number | undefined
  /** How many runs may begin although the attempt that they belong to had begun before. */
  readonly duplicateStartsMax?: number | undefined
  /** Nobody does what others can see once its lease has lapsed and somebody else has its task. Needs `storeTime`. */
  readonly selfFenced?: true | undefined
  /** What the limits were, throughout. */
  readonly limits?: readonly { readonly name: string; readonly allowance: Allowance }[] | undefined
  /** When each schedule was to fire: these times and no others, in store time. */
  readonly fires?: readonly { readonly schedule: string; readonly at: readonly number[] }[] | undefined
}

/** Which promise is broken. */
export type ViolationCode =
  | 'lost'
  | 'lost-outcome'
  | 'lost-command'
  | 'never-answered'
  | 'never-enqueued'
  | 'created-twice'
  | 'illegal-transition'
  | 'counts'
  | 'second-outcome'
  | 'stale-accepted'
  | 'fence-twice'
  | 'crash-on-live-lease'
  | 'dead-session'
  | 'false-stray'
  | 'effect-after-lapse'
  | 'not-drained'
  | 'recovery-late'
  | 'started-early'
  | 'started-too-late'
  | 'duplicate-starts'
  | 'key-held-twice'
  | 'limit-exceeded'
  | 'rate-exceeded'
  | 'order-broken'
  | 'join'
  | 'fire-doubled'
  | 'fire-missed'
  | 'error'

/** A promise that a history breaks. */
export interface Violation {
  readonly code: ViolationCode
  /** `null`: it is about none, or about many. */
  readonly task: TaskId | null
  readonly says: string
}

/** All that is wrong with a history; the answer depends on nothing else. */
export function check(history: History, bounds: Bounds): readonly Violation[] {
  const book = bookOf(history, bounds)
  const checks = [
    checkCalls,
    checkLives,
    checkOutcomes,
    checkLeases,
    checkRuns,
    checkTimes,
    checkRest,
    checkRecovery,
    checkKeys,
    checkLimits,
    checkSeries,
    checkJoins,
    checkFires,
  ]
  const errors = (history.errors ?? []).map((says): Violation => ({ code: 'error', task: null, says }))
  return [...errors, ...checks.flatMap((one) => one(book))]
}
