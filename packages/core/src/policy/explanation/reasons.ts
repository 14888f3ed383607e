/** Why a task stands where it stands: one reason each, as data. */
import type { FailReason, SessionId, TaskId, TaskState } from '../../store/records.ts'
import type { ErrorBrief, Kin, Parent } from './facts.ts'

/** Attempt `attempt` of `attempts`, from 1. */
interface AtAttempt {
  readonly attempt: number
  readonly attempts: number
}

/** A limit by its name, and the key of it that the task counts under; '' for limits without keys. */
interface UnderLimit {
  readonly limit: string
  readonly key: string
}

/** It is not there. */
export type AbsentReason =
  | { readonly code: 'unknown' }
  /** Its id is remembered for a while, and how it ended. */
  | { readonly code: 'removed'; readonly state: TaskState }

/** It has ended. */
export type EndReason =
  | {
      readonly code: 'succeeded'
      readonly at: number
      readonly attempt: number
      readonly tookMs: number | null
    }
  | ({
      readonly code: 'failed'
      readonly reason: FailReason
      readonly at: number
      readonly error: ErrorBrief | null
      readonly crashes: number
      /** `attempt`: one attempt took too long, `deadline`: all of them; `null`: it was not time. */
      readonly timedOut: 'attempt' | 'deadline' | null
    } & AtAttempt)
  | {
      readonly code: 'cancelled'
      readonly at: number
      readonly cause: 'request' | 'replaced' | 'parents'
      readonly reason: string | null
      /** Who took its place. */
      readonly by: TaskId | null
    }
  /** Those of its parents that did not succeed: the first ten. */
  | { readonly code: 'parents-unsuccessful'; readonly parents: readonly Parent[]; readonly count: number }

/** It runs. */
export type RunReason =
  /** Its worker is gone: whoever does the upkeep takes it over. */
  | { readonly code: 'lease-lapsed'; readonly session: SessionId | null }
  | { readonly code: 'cancel-requested'; readonly at: number; readonly reason: string | null }
  | ({
      readonly code: 'running'
      readonly session: SessionId
      readonly host: string
      readonly pid: number
      readonly since: number
      readonly leaseUntil: number
    } & AtAttempt)
  | { readonly code: 'progress'; readonly fraction: number; readonly message: string | null }

/** It waits, for nothing that time alone or a worker would bring. */
export type HoldReason =
  | { readonly code: 'held'; readonly at: number | null }
  /** It belongs to a large bulk that was not written to its end. */
  | { readonly code: 'gate'; readonly gate: string }
  /** The parents that have not ended: the first ten, of so many. */
  | { readonly code: 'waits-for'; readonly parents: readonly Parent[]; readonly count: number }
  /** All that it waits for has ended, and it is told so with the next upkeep. */
  | { readonly code: 'parents-ended' }
  | { readonly code: 'strict-order'; readonly partition: string | null; readonly behind: Kin }
  /** A durable run that waits for a time, a signal or a child. */
  | { readonly code: 'parked' }

/** It is not due. */
export type TimeReason =
  | ({ readonly code: 'backoff'; readonly dueAt: number; readonly error: ErrorBrief | null } & AtAttempt)
  | { readonly code: 'crash-backoff'; readonly dueAt: number; readonly crashes: number }
  | { readonly code: 'snoozed'; readonly dueAt: number }
  | { readonly code: 'due-later'; readonly dueAt: number }

/** Nobody would take it now. */
export type WorkerReason =
  | { readonly code: 'queue-paused'; readonly queue: string; readonly at: number; readonly by: string | null }
  | { readonly code: 'no-worker' }
  | { readonly code: 'type-unhandled'; readonly type: string; readonly workers: number }
  | { readonly code: 'queue-unserved'; readonly queue: string; readonly workers: number }
  /** The fewest offers that one of these workers lacks. */
  | { readonly code: 'offers-missing'; readonly offers: readonly string[]; readonly workers: number }
  /** Its input is of a version that none of them knows: their code is older than what enqueued it. */
  | { readonly code: 'version-unknown'; readonly version: number; readonly workers: number }
  | { readonly code: 'workers-draining'; readonly workers: number }

/** It is due, and something has no room for it. */
export type RoomReason =
  | { readonly code: 'breaker-open'; readonly breaker: string; readonly until: number }
  | { readonly code: 'breaker-probing'; readonly breaker: string; readonly probes: number }
  | ({ readonly code: 'limit-shut'; readonly until: number } & UnderLimit)
  | ({ readonly code: 'limit-full'; readonly concurrency: number; readonly used: number } & UnderLimit)
  | ({
      readonly code: 'rate-full'
      readonly rate: number
      readonly perMs: number
      readonly until: number
    } & UnderLimit)
  | { readonly code: 'prefers'; readonly offers: readonly string[]; readonly until: number }
  | {
      readonly code: 'workers-busy'
      readonly workers: number
      readonly slots: number
      readonly resized: number
    }
  /** `some`: there are more than that. */
  | {
      readonly code: 'behind'
      readonly higher: number
      readonly same: number
      readonly counted: 'all' | 'some'
    }
  | { readonly code: 'takes-turns'; readonly partition: string; readonly weight: number }
  /** Nothing keeps it. */
  | { readonly code: 'next' }

/** What else is worth knowing. */
export type NoteReason =
  | ({ readonly code: 'retrying'; readonly error: ErrorBrief | null } & AtAttempt)
  | { readonly code: 'suspect'; readonly crashes: number }
  /** Another task holds its unique key. */
  | { readonly code: 'key-held'; readonly key: string; readonly by: Kin }
  /** It ends then, unless it has started (`startBy`) or ended before. */
  | { readonly code: 'time-limit'; readonly limit: TimeLimit; readonly at: number }
  | { readonly code: 'time-over'; readonly limit: TimeLimit; readonly at: number }

/** `timeout`: of this attempt, which begins a little after the claim. */
export type TimeLimit = 'startBy' | 'deadline' | 'timeout'

/** Why a task has not started, or ended as it did: a code, and the data that its sentence is made of. */
export type Reason =
  | AbsentReason
  | EndReason
  | RunReason
  | HoldReason
  | TimeReason
  | WorkerReason
  | RoomReason
  | NoteReason
