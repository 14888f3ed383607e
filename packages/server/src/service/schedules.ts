/** Schedules, which belong to the queue of their task. */
import {
  AccessError,
  NotFoundError,
  type Duration,
  type Schedule,
  type ScheduleOptions,
  type ScheduleTimes,
} from '@millrace/core'
import { z } from 'zod'
import { definitionsFor } from './definition-book.ts'
import { defineCall, type Scene } from './call.ts'
import { InvalidRequestError } from './errors.ts'
import {
  DONE,
  Done,
  Id,
  about,
  Name,
  said,
  Nothing,
  PriorityName,
  Span,
  timeOf,
  timeText,
  timeTextOrNull,
  Time,
} from './schemas/common.ts'
import { definitionFor, runOptions, runShape } from './tasks/drafts.ts'
import { checkReplacing } from './tasks/replacing.ts'

const CRON_MAX = 200
const ZONE_MAX = 100
const PREVIEW_MAX = 1_000
const RUNS_MAX = 1_000

const Dst = z.strictObject({
  gap: z.enum(['after', 'skip']).optional(),
  overlap: z.enum(['first', 'last', 'both']).optional(),
})

const timesShape = {
  cron: said(z.string().max(CRON_MAX), 'Five fields, or six with seconds first. Either this or `every`.'),
  zone: said(z.string().max(ZONE_MAX), 'In whose time `cron` is, as in Europe/Berlin. Default: UTC.'),
  dst: said(Dst, 'What happens where the clock is put forward (`gap`) or back (`overlap`).'),
  every: said(Span, 'By elapsed time.'),
  from: said(Time, 'It fires from then on.'),
  until: said(Time, 'It fires until then.'),
}

interface Times {
  readonly cron?: string | undefined
  readonly zone?: string | undefined
  readonly dst?: z.output<typeof Dst> | undefined
  readonly every?: string | number | undefined
  readonly from?: string | undefined
  readonly until?: string | undefined
}

const Missed = z.union([z.enum(['one', 'none']), z.strictObject({ all: z.int().min(1).max(RUNS_MAX) })])
const Overlap = z.enum(['allow', 'skip', 'queue', 'replace'])

const ScheduleShape = z
  .strictObject({
    name: z.string(),
    type: z.string(),
    queue: z.string(),
    priority: PriorityName,
    cron: z.string().nullable(),
    zone: z.string().nullable(),
    dst: z.strictObject({ gap: z.string(), overlap: z.string() }).nullable(),
    everyMs: z.number().nullable(),
    from: Time.nullable(),
    until: Time.nullable(),
    missed: Missed,
    overlap: Overlap,
    jitterMs: z.number(),
    declaredBy: z
      .string()
      .nullable()
      .meta({ description: 'Which code declared it; null: it was put by hand.' }),
    paused: z.boolean(),
    nextAt: Time.nullable(),
    lastAt: Time.nullable(),
    lastTask: Id.nullable(),
  })
  .meta({ id: 'Schedule' })

const ScheduleName = about(Name, 'Of the schedule.')

const OneSchedule = z.strictObject({ name: ScheduleName })
const EXAMPLE = { name: 'nightly' }

export const list = defineCall({
  name: 'schedules.list',
  summary: 'Lists the schedules, by name.',
  permission: 'view',
  input: Nothing,
  output: z.strictObject({ schedules: z.array(ScheduleShape) }).meta({ id: 'Schedules' }),
  example: {},
  async run(_, { mill, caller }) {
    const found = await mill.schedules.list()
    return { schedules: found.filter(({ queue }) => caller.may('view', queue)).map(shownSchedule) }
  },
})

export const get = defineCall({
  name: 'schedules.get',
  summary: 'Answers a schedule.',
  permission: 'view',
  input: OneSchedule,
  output: ScheduleShape,
  example: EXAMPLE,
  async run({ name }, scene) {
    return shownSchedule(await seenSchedule(name, scene))
  },
})

export const put = defineCall({
  name: 'schedules.put',
  summary:
    'Creates a schedule, or changes the one of that name: by cron or at even intervals it enqueues a task by the name of its definition.',
  permission: 'operate',
  input: z.strictObject({
    name: ScheduleName,
    type: about(Name, 'The name of the definition of its task.'),
    ...timesShape,
    missed: said(Missed, 'What becomes of runs that nobody was there for: one, none, or so many at most.'),
    overlap: said(Overlap, 'What happens while the run before goes on.'),
    jitter: said(Span, 'Each run comes later, by up to so long.'),
    ...runShape,
  }),
  output: ScheduleShape,
  example: {
    name: 'nightly',
    type: 'greet',
    input: { name: 'Ada' },
    cron: '30 2 * * *',
    zone: 'Europe/Berlin',
  },
  audited: ({ name, type, queue, cron, every }) => ({ name, type, queue, cron, every }),
  async run({ name, type, missed, overlap, jitter, ...rest }, scene) {
    const { mill, caller } = scene
    const before = await mill.schedules.get(name)
    if (before !== undefined && !caller.may('operate', before.queue)) throw taken(name)
    const run = { ...rest, type }
    const known = await definitionFor(run, await definitionsFor([type], scene), scene)
    caller.require('operate', rest.queue ?? known.task.options.queue)
    const ran = runOptions(known, run)
    checkReplacing(ran, caller)
    const options = {
      task: known.task,
      input: rest.input,
      ...timesOf(rest),
      ...ran,
      missed,
      overlap,
      jitter: jitter as Duration | undefined,
    } as ScheduleOptions
    return shownSchedule(await mill.schedules.put(name, options))
  },
})

export const pause = changing('pause', 'Lets a schedule fire no more until it is resumed.')
export const resume = changing(
  'resume',
  'Goes on with a schedule: what came while it was paused is not missed.',
)
export const remove = changing('remove', 'Removes a schedule. What it has enqueued stays.')

function changing<Verb extends 'pause' | 'resume' | 'remove'>(verb: Verb, summary: string) {
  return defineCall({
    name: `schedules.${verb}`,
    summary,
    permission: 'operate',
    input: OneSchedule,
    output: Done,
    example: EXAMPLE,
    audited: ({ name }) => ({ name }),
    async run({ name }, scene) {
      await operated(name, scene)
      const was: unknown = await scene.mill.schedules[verb](name)
      if (was === false) throw unknown(name)
      return DONE
    },
  })
}

export const trigger = defineCall({
  name: 'schedules.trigger',
  summary: 'Enqueues one run of a schedule now, beside whatever it does by itself.',
  permission: 'operate',
  input: OneSchedule,
  output: z.strictObject({ id: Id }).meta({ id: 'Triggered' }),
  example: EXAMPLE,
  audited: ({ name }) => ({ name }),
  async run({ name }, scene) {
    await operated(name, scene)
    return { id: await scene.mill.schedules.trigger(name) }
  },
})

export const backfill = defineCall({
  name: 'schedules.backfill',
  summary: 'Enqueues the runs of a past range, as far as they are not there already: 10 000 at most.',
  permission: 'operate',
  input: z.strictObject({
    name: ScheduleName,
    from: about(Time, 'The first time that may be one.'),
    to: about(Time, 'The last time that may be one.'),
  }),
  output: z.strictObject({ matched: z.int(), changed: z.int() }).meta({ id: 'Backfilled' }),
  example: { name: 'nightly', from: '2026-01-01T00:00:00Z', to: '2026-01-03T00:00:00Z' },
  audited: (input) => input,
  async run({ name, from, to }, scene) {
    await operated(name, scene)
    return { ...(await scene.mill.schedules.backfill(name, { from: timeOf(from), to: timeOf(to) })) }
  },
})

const Fires = z
  .strictObject({
    fires: z.array(z.strictObject({ at: Time, note: z.enum(['gap', 'overlap']).nullable() })),
  })
  .meta({
    id: 'Fires',
    description: 'gap: it stands for a time that the clock leaves out; overlap: the clock shows it twice.',
  })

const Count = z.int().min(1).max(PREVIEW_MAX).optional().meta({ description: 'Default 10.' })

export const preview = defineCall({
  name: 'schedules.preview',
  summary: 'Tells the next times at which a schedule fires.',
  permission: 'view',
  input: z.strictObject({ name: ScheduleName, count: Count, from: said(Time, 'Default: now.') }),
  output: Fires,
  example: { name: 'nightly', count: 3 },
  async run({ name, count, from }, scene) {
    await seenSchedule(name, scene)
    return firesOf(await scene.mill.schedules.preview(name, count, { from: dateOf(from) }))
  },
})

export const previewTimes = defineCall({
  name: 'schedules.previewTimes',
  summary: 'Tells when a schedule would fire that is not there yet.',
  permission: 'view',
  input: z.strictObject({
    ...timesShape,
    count: Count,
    after: said(Time, 'Default: now.'),
  }),
  output: Fires,
  example: { cron: '30 2 * * *', zone: 'Europe/Berlin', count: 3 },
  async run({ count, after, ...times }, { mill }) {
    return firesOf(await mill.schedules.preview(timesOf(times), count, { from: dateOf(after) }))
  },
})

function firesOf(fires: Awaited<ReturnType<Scene['mill']['schedules']['preview']>>): z.input<typeof Fires> {
  return { fires: fires.map(({ at, note = null }) => ({ at: timeText(at), note })) }
}

/** @throws InvalidRequestError */
function timesOf({ cron, zone, dst, every, from, until }: Times): ScheduleTimes {
  const bounds = { from: dateOf(from), until: dateOf(until) }
  if (cron !== undefined && every === undefined) return { ...bounds, cron, zone, dst }
  if (every !== undefined && cron === undefined && zone === undefined && dst === undefined)
    return { ...bounds, every: every as Duration }
  const hint = 'By elapsed time there is no zone, and nothing to say of changes of the clock.'
  throw new InvalidRequestError('A schedule has either cron, with zone and dst, or every.', [], hint)
}

function dateOf(time: string | undefined): Date | undefined {
  return time === undefined ? undefined : timeOf(time)
}

/** @throws NotFoundError, also for a schedule of a queue that the caller may not see */
async function seenSchedule(name: string, { mill, caller }: Scene): Promise<Schedule> {
  const schedule = await mill.schedules.get(name)
  if (schedule !== undefined && caller.may('view', schedule.queue)) return schedule
  throw unknown(name)
}

async function operated(name: string, scene: Scene): Promise<void> {
  const { queue } = await seenSchedule(name, scene)
  scene.caller.require('operate', queue)
}

/** Its queue is not told: it may be one that the caller does not see. */
function taken(name: string): AccessError {
  return new AccessError('forbidden', `The schedule ${JSON.stringify(name)} is of a queue of others.`, {
    hint: 'Give yours another name, or have the roles and queues of this credential changed.',
  })
}

function unknown(name: string): NotFoundError {
  return new NotFoundError(`There is no schedule ${JSON.stringify(name)}.`, {
    hint: 'Is it the right name? schedules.list answers those that there are.',
  })
}

function shownSchedule(schedule: Schedule): z.input<typeof ScheduleShape> {
  const { name, task, queue, priority, cron, zone, dst, everyMs, missed, overlap, jitterMs, paused } =
    schedule
  return {
    name,
    type: task,
    queue,
    priority,
    cron: cron ?? null,
    zone: zone ?? null,
    dst: dst === undefined ? null : { ...dst },
    everyMs: everyMs ?? null,
    from: timeTextOrNull(schedule.from),
    until: timeTextOrNull(schedule.until),
    missed,
    overlap,
    jitterMs,
    declaredBy: schedule.declaredBy ?? null,
    paused,
    nextAt: timeTextOrNull(schedule.nextAt),
    lastAt: timeTextOrNull(schedule.lastAt),
    lastTask: schedule.lastTask ?? null,
  }
}
