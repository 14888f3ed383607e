/** A schedule as readers see it. */
import { PRIORITIES, type Priority } from '../task/options.ts'
import { readDocument } from './schedule-document.ts'
import type { ClockChanges, Missed } from '../policy/schedule.ts'
import type { Overlap, ScheduleRecord } from '../store/schedules.ts'
import type { TaskId } from '../store/records.ts'

/** A schedule, as it stands in the store. */
export interface Schedule {
  readonly name: string
  /** The name of the task that it enqueues, and where. */
  readonly task: string
  readonly queue: string
  readonly priority: Priority
  /** Either this, with its zone and what becomes of it when the clock is changed … */
  readonly cron: string | undefined
  readonly zone: string | undefined
  readonly dst: ClockChanges | undefined
  /** … or this. */
  readonly everyMs: number | undefined
  readonly from: Date | undefined
  readonly until: Date | undefined
  readonly missed: Missed
  readonly overlap: Overlap
  readonly jitterMs: number
  /** Which code declared it (`sync`); `undefined`: it was put by hand. */
  readonly declaredBy: string | undefined
  readonly paused: boolean
  /** `undefined`: it never fires again. */
  readonly nextAt: Date | undefined
  /** The fire time and the task of its last run; `undefined` before the first. */
  readonly lastAt: Date | undefined
  readonly lastTask: TaskId | undefined
}

export function shownSchedule(record: ScheduleRecord): Schedule {
  const { name, paused, nextAt, lastAt, lastTask } = record
  const { plan, missed, overlap, jitterMs, declaredBy, template } = readDocument(record.plan, name)
  const isCron = 'cron' in plan
  return {
    name,
    task: template.type,
    queue: template.queue,
    priority: PRIORITIES[template.level],
    cron: isCron ? plan.cron : undefined,
    zone: isCron ? plan.zone : undefined,
    dst: isCron ? plan.dst : undefined,
    everyMs: isCron ? undefined : plan.everyMs,
    from: dateOf(plan.fromAt),
    until: dateOf(plan.untilAt),
    missed,
    overlap,
    jitterMs,
    declaredBy: declaredBy ?? undefined,
    paused,
    nextAt: dateOf(nextAt),
    lastAt: dateOf(lastAt),
    lastTask: lastTask ?? undefined,
  }
}

function dateOf(at: number | null): Date | undefined {
  return at === null ? undefined : new Date(at)
}
