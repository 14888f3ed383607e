/** The options of a schedule: when it fires, what it enqueues, and what becomes of runs that meet. */
import type { AnyTask } from './definition.ts'
import type { EnqueueOptions } from './draft.ts'
import type { Duration } from './duration.ts'

/** A schedule. */
export type ScheduleOptions<D extends AnyTask = AnyTask> = ScheduledTask<D> &
  ScheduleTimes &
  ScheduleTurns &
  RunOptionsOfSchedule

type ScheduledTask<D extends AnyTask> = undefined extends D['~task']['input']
  ? { readonly task: D; readonly input?: D['~task']['input'] }
  : { readonly task: D; readonly input: D['~task']['input'] }

/** The options of each run. */
export type RunOptionsOfSchedule = Omit<EnqueueOptions, 'id' | 'after' | 'delay' | 'runAt'>

/** When a schedule fires: by a cron expression, or at even intervals. */
export type ScheduleTimes = ScheduleBounds & (CronTimes | IntervalTimes)

interface ScheduleBounds {
  /** It does not fire before; intervals are counted from it. Default: at any time. */
  readonly from?: Date | number | undefined
  /** It does not fire after. Default: for ever. */
  readonly until?: Date | number | undefined
}

/** Fire times by a cron expression, in a time zone. */
export interface CronTimes {
  /**
   * Five fields (minute, hour, day of month, month, day of week), or six with the second in front; or `@hourly`,
   * `@daily`, `@weekly`, `@monthly`, `@yearly`. `L` is the last, `MON#2` the second Monday of a month, `15W` the nearest weekday.
   */
  readonly cron: string
  /** The time zone of the expression, such as `Europe/Berlin`. Default `UTC`, wherever the process runs. */
  readonly zone?: string | undefined
  /** What happens when the clock is changed. Expressions that name all 24 hours go by elapsed time, and need none of this. */
  readonly dst?:
    | {
        /** A time that the clock leaves out: fires once right after (`after`, the default), or not at all. */
        readonly gap?: 'after' | 'skip' | undefined
        /** A time that comes twice: fires at the `first` of them (the default), the `last`, or `both`. */
        readonly overlap?: 'first' | 'last' | 'both' | undefined
      }
    | undefined
  readonly every?: undefined
}

/** Fire times at even intervals. */
export interface IntervalTimes {
  /** At least 1 s. Counted from `from`, else from 1970, so that every process comes to the same times. */
  readonly every: Duration
  readonly cron?: undefined
  readonly zone?: undefined
  readonly dst?: undefined
}

/** How its runs take turns. */
export interface ScheduleTurns {
  /**
   * Fires that are more than a minute late, because nobody was there: one run for all of them, which stands for the
   * latest (`one`, the default), `none`, or one for each of the latest so many, 1 000 at most.
   */
  readonly missed?: 'one' | 'none' | { readonly all: number } | undefined
  /**
   * A run whose predecessor lives: starts beside it (`allow`, the default), is left out (`skip`), waits for it (`queue`), or
   * takes its place (`replace`: it is cancelled; if it runs it is asked to stop, and waited for).
   */
  readonly overlap?: 'allow' | 'skip' | 'queue' | 'replace' | undefined
  /** Each run is due up to so much later, by a draw that is the same in every process. Default: none. */
  readonly jitter?: Duration | undefined
}

/** A schedule that code declares, for `schedules.sync`. */
export interface ScheduleDefinition {
  readonly name: string
  readonly options: ScheduleOptions
}

/** Declares a schedule, for `schedules.sync`. Nothing is checked or written yet. */
export function defineSchedule<D extends AnyTask>(
  name: string,
  options: ScheduleOptions<D>,
): ScheduleDefinition {
  return { name, options: options as unknown as ScheduleOptions }
}
