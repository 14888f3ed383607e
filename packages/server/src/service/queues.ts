/** Queues: what is in them, pauses, retention, and their limits. */
import { NotFoundError, type Duration } from '@millrace/core'
import type { QueueRecord } from '@millrace/core/store'
import { z } from 'zod'
import { defineCall, type Scene } from './call.ts'
import { AllowanceShape, limitSetting, shownAllowance } from './limits.ts'
import {
  about,
  DONE,
  Done,
  Name,
  Nothing,
  orNull,
  Span,
  Text,
  timeTextOrNull,
  Time,
} from './schemas/common.ts'

const Counts = z
  .strictObject({
    blocked: z.int(),
    scheduled: z.int(),
    ready: z.int(),
    held: z.int(),
    running: z.int(),
    waiting: z.int(),
    succeeded: z.int(),
    failed: z.int(),
    cancelled: z.int(),
  })
  .meta({ id: 'Counts', description: 'How many tasks are in each state.' })

const queueShape = {
  queue: z.string(),
  paused: z.boolean(),
  counts: Counts,
  oldestReadyAt: Time.nullable().meta({ description: 'When the first ready task in line became due.' }),
  retention: z
    .strictObject({
      succeededMs: z.number().nullable(),
      cancelledMs: z.number().nullable(),
      failedMs: z.number().nullable(),
      count: z.number().nullable(),
      bytes: z.number().nullable(),
    })
    .nullable()
    .meta({ description: 'null: as by default.' }),
}

const QueueShape = z.strictObject(queueShape).meta({ id: 'Queue' })

export const list = defineCall({
  name: 'queues.list',
  summary: 'Lists the queues that have tasks or settings.',
  permission: 'view',
  input: Nothing,
  output: z.strictObject({ queues: z.array(QueueShape) }).meta({ id: 'Queues' }),
  example: {},
  async run(_, scene) {
    return { queues: (await seenQueues(scene)).map(shownQueue) }
  },
})

const QueueName = about(Name, 'Of the queue.')

const OneQueue = z.strictObject({ queue: QueueName })

export const get = defineCall({
  name: 'queues.get',
  summary: 'Answers a queue, with the limit that it has.',
  permission: 'view',
  input: OneQueue,
  output: z.strictObject({ ...queueShape, limit: orNull(AllowanceShape) }).meta({ id: 'QueueWhole' }),
  example: { queue: 'default' },
  async run({ queue }, { caller, mill }) {
    caller.require('view', queue)
    const record = (await mill.queues.list()).find((one) => one.queue === queue)
    if (record === undefined)
      throw new NotFoundError(`There is no queue ${queue}.`, {
        hint: 'A queue is there once it has tasks or settings.',
      })
    const limit = (await mill.limits.list()).find(({ name }) => name === `queue:${queue}`)
    return { ...shownQueue(record), limit: limit === undefined ? null : shownAllowance(limit.allowance) }
  },
})

export const pause = defineCall({
  name: 'queues.pause',
  summary: 'Starts nothing of a queue until it is resumed; what runs goes on.',
  permission: 'operate',
  input: z.strictObject({
    queue: QueueName,
    by: Text.optional().meta({ description: 'Default: the credential.' }),
  }),
  output: Done,
  example: { queue: 'default', by: 'ada: the disk is full' },
  audited: ({ queue }) => ({ queue }),
  async run({ queue, by }, { caller, mill }) {
    caller.require('operate', queue)
    await mill.queues.pause(queue, { by: by ?? caller.name })
    return DONE
  },
})

export const resume = defineCall({
  name: 'queues.resume',
  summary: 'Goes on with a queue that is paused.',
  permission: 'operate',
  input: OneQueue,
  output: Done,
  example: { queue: 'default' },
  audited: ({ queue }) => ({ queue }),
  async run({ queue }, { caller, mill }) {
    caller.require('operate', queue)
    await mill.queues.resume(queue)
    return DONE
  },
})

const Age = z.union([z.literal(false), Span]).optional()
const Bound = z.union([z.literal(false), z.int().min(0)]).optional()

const RetentionInput = z
  .strictObject({ succeeded: Age, cancelled: Age, failed: Age, count: Bound, bytes: Bound })
  .meta({ id: 'Retention', description: 'How long final tasks are kept; false lifts a bound.' })

export const configure = defineCall({
  name: 'queues.configure',
  summary:
    'Says how long final tasks of a queue are kept, and how many of it may run; what is left out stays.',
  permission: 'operate',
  input: z.strictObject({
    queue: QueueName,
    retention: RetentionInput.nullable().optional().meta({ description: 'null: as by default.' }),
    limit: limitSetting.nullable().optional().meta({ description: 'null lifts it.' }),
  }),
  output: Done,
  example: { queue: 'default', retention: { succeeded: '2d' }, limit: { concurrency: 50 } },
  audited: (input) => input,
  async run({ queue, retention, limit }, { caller, mill }) {
    caller.require('operate', queue)
    if (limit === null) await mill.limits.remove({ queue })
    else if (limit !== undefined) await mill.limits.put({ queue }, settingOf(limit))
    if (retention !== undefined) await mill.queues.configure(queue, { retention: retentionOf(retention) })
    return DONE
  },
})

export const stats = defineCall({
  name: 'stats.get',
  summary:
    'Counts tasks by state, of each queue and of all together, and tells how long the oldest ready ones wait.',
  permission: 'view',
  input: Nothing,
  output: z
    .strictObject({
      at: Time,
      counts: Counts,
      oldestReadyMs: z.number().nullable(),
      queues: z.array(
        z.strictObject({ queue: z.string(), counts: Counts, oldestReadyMs: z.number().nullable() }),
      ),
    })
    .meta({ id: 'Stats' }),
  example: {},
  async run(_, scene) {
    const found = await seenQueues(scene)
    const now = await scene.store.now()
    const queues = found.map(({ queue, counts, oldestReadyAt }) => {
      return { queue, counts: { ...counts }, oldestReadyMs: ageMs(oldestReadyAt, now) }
    })
    const ages = queues.flatMap(({ oldestReadyMs }) => oldestReadyMs ?? [])
    return {
      at: new Date(now).toISOString(),
      counts: sum(found),
      oldestReadyMs: ages.length === 0 ? null : Math.max(...ages),
      queues,
    }
  },
})

async function seenQueues({ mill, caller }: Pick<Scene, 'mill' | 'caller'>): Promise<readonly QueueRecord[]> {
  return (await mill.queues.list()).filter(({ queue }) => caller.may('view', queue))
}

function shownQueue({
  queue,
  paused,
  counts,
  oldestReadyAt,
  retention,
}: QueueRecord): z.input<typeof QueueShape> {
  return {
    queue,
    paused,
    counts: { ...counts },
    oldestReadyAt: timeTextOrNull(oldestReadyAt),
    retention: retention === null ? null : { ...retention },
  }
}

/** A task that fell due a moment ago by the store's clock has waited for no time at all. */
function ageMs(since: number | null, now: number): number | null {
  return since === null ? null : Math.max(0, now - since)
}

const NONE: QueueRecord['counts'] = {
  blocked: 0,
  scheduled: 0,
  ready: 0,
  held: 0,
  running: 0,
  waiting: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
}

function sum(queues: readonly QueueRecord[]): z.input<typeof Counts> {
  const total = { ...NONE }
  for (const { counts } of queues)
    for (const state of Object.keys(total) as (keyof typeof total)[]) total[state] += counts[state]
  return total
}

type Setting = z.output<typeof limitSetting>
type Retention = z.output<typeof RetentionInput>

/** Texts of durations are checked by core: their type says more of them than a schema can. */
function settingOf({ concurrency, rate }: Setting): Parameters<Scene['mill']['limits']['put']>[1] {
  return { concurrency, rate: rate === undefined ? undefined : { ...rate, per: rate.per as Duration } }
}

function retentionOf(
  retention: Retention | null,
): Parameters<Scene['mill']['queues']['configure']>[1]['retention'] {
  if (retention === null) return null
  const { succeeded, cancelled, failed, count, bytes } = retention
  type Age = Duration | false | undefined
  return { succeeded: succeeded as Age, cancelled: cancelled as Age, failed: failed as Age, count, bytes }
}
