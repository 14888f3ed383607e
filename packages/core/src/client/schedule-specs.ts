/** From what a caller typed to what is written down of a schedule: everything is checked here. */
import { checkPlan, type Missed, type Plan } from '../policy/schedule.ts'
import { InvalidArgumentError } from '../task/errors.ts'
import { durationMs } from '../task/duration.ts'
import { LIMITS } from '../task/limits.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import { checkedTime, ENQUEUE_MEMBERS, SCHEDULED_ID, specOf } from './specs.ts'
import type { ScheduleDocument, Template } from './schedule-document.ts'
import type { CronTimes, ScheduleOptions, ScheduleTimes, ScheduleTurns } from '../task/schedule-options.ts'
import type { EnqueueOptions } from '../task/draft.ts'
import type { Overlap } from '../store/schedules.ts'
import type { TaskSpec, UniqueSpec } from '../store/records.ts'

const EVERY_MIN_MS = 1_000

/**
 * What is to be written down of a schedule.
 *
 * @throws InvalidArgumentError, InvalidPayloadError, TooLargeError
 */
export async function documentOf(
  options: ScheduleOptions,
  declaredBy: string | null,
): Promise<ScheduleDocument> {
  checkMembers(options, SCHEDULE_MEMBERS, 'a schedule')
  const { task, input, cron, every, zone, dst, from, until, missed, overlap, jitter, ...rest } = options
  refuseMembers(rest)
  const plan = planOf({ cron, every, zone, dst, from, until } as ScheduleTimes)
  const spec = await specOf({ task, input, options: rest as EnqueueOptions }, SCHEDULED_ID, 'user')
  return {
    plan,
    missed: checkedMissed(missed),
    overlap: checkedOverlap(overlap, spec.unique),
    jitterMs: jitter === undefined ? 0 : durationMs(jitter, 'jitter'),
    declaredBy,
    template: templateOf(spec),
  }
}

/**
 * When a schedule fires, as plain data.
 *
 * @throws InvalidArgumentError
 */
export function planOf(times: ScheduleTimes): Plan {
  checkMembers(times, TIMES_MEMBERS, 'the times of a schedule')
  const { cron, every, from, until } = times
  const bounds = { fromAt: timeOf(from, 'from'), untilAt: timeOf(until, 'until') }
  if (cron !== undefined && every !== undefined) {
    throw new InvalidArgumentError('Both cron and every are given.', { hint: 'Give one of them.' })
  }
  if (cron === undefined) return { ...intervalOf(times), ...bounds }
  const plan = { cron, zone: times.zone ?? 'UTC', dst: changesOf(times.dst), ...bounds }
  checkPlan(plan)
  return plan
}

function intervalOf({ every, zone, dst }: ScheduleTimes): { readonly everyMs: number } {
  if (every === undefined) {
    throw new InvalidArgumentError('A schedule has neither cron nor every.', {
      hint: "Give cron: '30 2 * * *', or every: '5m'.",
    })
  }
  if (zone !== undefined || dst !== undefined) {
    throw new InvalidArgumentError('A schedule has a zone or dst beside every.', {
      hint: 'Intervals go by elapsed time, which no zone changes.',
    })
  }
  const everyMs = durationMs(every, 'every')
  if (everyMs >= EVERY_MIN_MS) return { everyMs }
  throw new InvalidArgumentError(`every is ${shown(every)}.`, { hint: 'It is 1 s at least.' })
}

function changesOf(dst: CronTimes['dst'] = {}): Extract<Plan, { readonly cron: string }>['dst'] {
  checkMembers(dst, DST_MEMBERS, 'dst')
  return {
    gap: oneOf(dst.gap ?? 'after', ['after', 'skip'], 'dst.gap'),
    overlap: oneOf(dst.overlap ?? 'first', ['first', 'last', 'both'], 'dst.overlap'),
  }
}

function oneOf<const T extends string>(given: T, known: readonly T[], what: string): T {
  if (known.includes(given)) return given
  throw new InvalidArgumentError(`${what} is ${shown(given)}.`, { hint: `It is one of ${known.join(', ')}.` })
}

/** A run that its key turns into the last one must not be cancelled for its own sake: then nothing would run. */
function checkedOverlap(overlap: ScheduleTurns['overlap'], unique: UniqueSpec | null): Overlap {
  const checked = oneOf(overlap ?? 'allow', ['allow', 'skip', 'queue', 'replace'], 'overlap')
  if (checked !== 'replace' || unique === null || unique.then === 'replace') return checked
  throw new InvalidArgumentError(
    `The runs of a schedule replace each other, and their unique key says ${unique.then}.`,
    {
      hint: "Leave unique out, or give it then: 'replace'.",
    },
  )
}

function checkedMissed(missed: ScheduleTurns['missed'] = 'one'): Missed {
  if (missed === 'one' || missed === 'none') return missed
  const all: unknown = typeof missed === 'object' ? missed?.all : undefined
  if (Number.isInteger(all) && Number(all) >= 1 && Number(all) <= LIMITS.batchTasks)
    return { all: Number(all) }
  throw new InvalidArgumentError(`missed is ${shown(missed)}.`, {
    hint: `It is 'one', 'none', or { all: 10 }, of ${LIMITS.batchTasks} at most.`,
  })
}

/** A point in time that a user gave; `null` if none was. */
export function timeOf(time: Date | number | undefined, what: string): number | null {
  return time === undefined ? null : checkedTime(time, what)
}

function templateOf(spec: TaskSpec): Template {
  const { id: _id, idMadeBy: _made, due: _due, after: _after, ...template } = spec
  return template
}

/** What tells the runs apart is the schedule's to say. */
function refuseMembers(rest: object): void {
  for (const member of ['id', 'after', 'delay', 'runAt']) {
    if ((rest as Record<string, unknown>)[member] === undefined) continue
    throw new InvalidArgumentError(`A schedule has ${member}.`, {
      hint: 'Its runs have ids of their own, and are due when it fires.',
    })
  }
}

const TIMES_MEMBERS: Members<ScheduleTimes> = {
  cron: true,
  every: true,
  zone: true,
  dst: true,
  from: true,
  until: true,
}

const DST_MEMBERS: Members<NonNullable<CronTimes['dst']>> = { gap: true, overlap: true }

const SCHEDULE_MEMBERS: Members<ScheduleOptions & EnqueueOptions> = {
  ...ENQUEUE_MEMBERS,
  ...TIMES_MEMBERS,
  task: true,
  input: true,
  missed: true,
  overlap: true,
  jitter: true,
}
