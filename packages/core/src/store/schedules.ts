/**
 * Schedules: what is enqueued again and again. A store keeps when each is due next, and what core wrote down of it;
 * when a schedule fires is core's to say. Part of the port, whose rules hold here too.
 */
import type { AddVerdict, Rejection } from './port.ts'
import type { TaskId, TaskSpec } from './records.ts'

/** The part of a store that keeps schedules and lets each fire once. */
export interface Schedules {
  /**
   * Writes a schedule, if its version is still the one that the caller has seen. The new version is one
   * that no schedule of this store ever had. When and what it ran last stays.
   */
  putSchedule(request: SchedulePut): Promise<SchedulePutAnswer>
  removeSchedule(name: string): Promise<'removed' | 'unknown'>
  /** `null`: there is none of this name. */
  schedule(name: string): Promise<ScheduleRecord | null>
  /** By name, bytewise, from behind a name on. */
  schedules(request: {
    readonly after: string | null
    readonly limit: number
  }): Promise<readonly ScheduleRecord[]>
  /**
   * Schedules that are due and not paused, the longest overdue first, and when the next one will be: `nextInMs` is
   * `null` if none is in sight, and 0 if more are due than were asked for.
   */
  dueSchedules(request: { readonly max: number }): Promise<DueSchedules>
  /**
   * Lets a schedule fire: one atomic operation, which enqueues its runs, obeys `overlap`, and advances it. Nothing is
   * done, and the answer is `stale`, unless the schedule still has this version, is due at exactly `fireAt`, which has come by store
   * time, and is not paused. So each fire time is taken once, whoever comes for it, and however often.
   *
   * If the runs are refused as a group would be by `add`, nothing is done either.
   */
  tick(request: Tick): Promise<TickAnswer>
}

/** A schedule, as the store keeps it. */
export interface ScheduleRecord {
  readonly name: string
  readonly version: number
  /** What core wrote down: JSON, of at most 2 MiB. A store keeps it as it is. */
  readonly plan: string
  readonly paused: boolean
  /** When it fires next; `null`: never again. */
  readonly nextAt: number | null
  /** The fire time and the task of its last run. */
  readonly lastAt: number | null
  readonly lastTask: TaskId | null
}

/** What is written of a schedule, if nobody has changed it meanwhile. */
export interface SchedulePut {
  readonly name: string
  /** `null`: there is none of this name. */
  readonly ifVersion: number | null
  readonly plan: string
  readonly paused: boolean
  /** `keep`: as it is at this moment; of a new one that is never. */
  readonly nextAt: number | null | 'keep'
}

/** Whether a schedule was written. */
export type SchedulePutAnswer =
  | { readonly outcome: 'put'; readonly version: number }
  /** It has another version; `null`: it is not there. */
  | { readonly outcome: 'conflict'; readonly version: number | null }

/** The schedules whose fire time has come, and in how many milliseconds the next one's does. */
export interface DueSchedules {
  readonly now: number
  readonly due: readonly ScheduleRecord[]
  readonly nextInMs: number | null
}

/** What becomes of a run while the schedule's last one lives. */
export type Overlap =
  /** They run side by side. */
  | 'allow'
  /** Nothing is enqueued; the schedule advances all the same. */
  | 'skip'
  /** The first new run waits for the last one, however that ends. */
  | 'queue'
  /**
   * The last one is cancelled; one that runs is asked to stop, and the first new run waits for it. It waits, too, for
   * whom one that is blocked waited.
   */
  | 'replace'

/** One fire of a schedule: what is enqueued, and when it fires next. */
export interface Tick {
  readonly name: string
  readonly version: number
  readonly fireAt: number
  readonly nextAt: number | null
  /** The runs, whose ids core made of the name and their fire times. */
  readonly tasks: readonly TaskSpec[]
  /** The fire time of the last of them. */
  readonly lastAt: number | null
  readonly overlap: Overlap
}

/** What became of a fire. */
export type TickAnswer =
  | { readonly outcome: 'ticked'; readonly tasks: readonly AddVerdict[] }
  /** It advanced, and its last run lives: nothing was enqueued. */
  | { readonly outcome: 'skipped' }
  | { readonly outcome: 'stale' }
  | { readonly outcome: 'rejected'; readonly index: number; readonly rejection: Rejection }
