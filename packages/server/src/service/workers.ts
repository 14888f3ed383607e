/** Workers, and orders to them. */
import { NotFoundError, type WorkerStatus } from '@millrace/core'
import { z } from 'zod'
import type { Permission } from '../access/roles.ts'
import { defineCall, type Scene } from './call.ts'
import { about, DONE, Done, Id, Nothing, timeText, timeTextOrNull, Time } from './schemas/common.ts'

const SLOTS_MAX = 10_000
const EXAMPLE_ID = '0198c0de-0000-7000-8000-00000000aaaa'

const WorkerId = about(Id, 'Of the worker: its session.')

const WorkerShape = z
  .strictObject({
    id: Id,
    host: z.string(),
    pid: z.int(),
    queues: z.array(z.string()),
    types: z.array(z.string()),
    offers: z.array(z.string()),
    concurrency: z.int(),
    running: z.int(),
    state: z.enum(['running', 'draining']),
    openedAt: Time,
    expiresAt: Time,
    order: z
      .strictObject({ end: z.enum(['drain', 'stop']).nullable(), concurrency: z.int().nullable() })
      .nullable(),
    leadsSince: Time.nullable(),
  })
  .meta({ id: 'Worker' })

export const list = defineCall({
  name: 'workers.list',
  summary: 'Lists the workers whose lease stands, as far as the caller may view all of their queues.',
  permission: 'view',
  input: Nothing,
  output: z.strictObject({ workers: z.array(WorkerShape) }).meta({ id: 'Workers' }),
  example: {},
  async run(_, scene) {
    const found = await scene.mill.workers.list()
    return { workers: found.filter((worker) => mayAbout(worker, 'view', scene)).map(shownWorker) }
  },
})

export const drain = order(
  'drain',
  'Lets a worker claim nothing more, and end when all that it runs has ended.',
)
export const stop = order('stop', 'Stops a worker as if its process were asked to end.')

function order<Verb extends 'drain' | 'stop'>(verb: Verb, summary: string) {
  return defineCall({
    name: `workers.${verb}`,
    summary,
    permission: 'operate',
    input: z.strictObject({ id: WorkerId }),
    output: Done,
    example: { id: EXAMPLE_ID },
    audited: ({ id }) => ({ id }),
    async run({ id }, scene) {
      await scene.mill.workers[verb](await operated(id, scene))
      return DONE
    },
  })
}

export const resize = defineCall({
  name: 'workers.resize',
  summary: 'Lets a worker run so many handlers at the same time, for as long as its session lasts.',
  permission: 'operate',
  input: z.strictObject({
    id: WorkerId,
    concurrency: about(z.int().min(1).max(SLOTS_MAX), 'How many handlers may run.'),
  }),
  output: Done,
  example: { id: EXAMPLE_ID, concurrency: 20 },
  audited: (input) => input,
  async run({ id, concurrency }, scene) {
    await scene.mill.workers.resize(await operated(id, scene), concurrency)
    return DONE
  },
})

/**
 * @returns the id in the form that stores know
 * @throws NotFoundError, also for a worker that the caller does not see; AccessError
 */
async function operated(given: string, scene: Scene): Promise<string> {
  const id = given.toLowerCase()
  const worker = (await scene.mill.workers.list()).find(({ session }) => session === id)
  if (worker === undefined || !mayAbout(worker, 'view', scene))
    throw new NotFoundError(`There is no worker ${id}.`, {
      hint: 'It has ended, or never was in this store.',
    })
  for (const queue of worker.queues) scene.caller.require('operate', queue)
  return id
}

function mayAbout(
  { queues }: WorkerStatus,
  permission: Permission,
  { caller }: Pick<Scene, 'caller'>,
): boolean {
  return (
    caller.mayEverywhere(permission) ||
    (queues.length > 0 && queues.every((queue) => caller.may(permission, queue)))
  )
}

function shownWorker(worker: WorkerStatus): z.input<typeof WorkerShape> {
  const { session, host, pid, queues, types, offers, concurrency, running, state } = worker
  return {
    id: session,
    host,
    pid,
    queues: [...queues],
    types: [...types],
    offers: [...offers],
    concurrency,
    running,
    state,
    openedAt: timeText(worker.openedAt),
    expiresAt: timeText(worker.expiresAt),
    order: worker.order === null ? null : { ...worker.order },
    leadsSince: timeTextOrNull(worker.leadsSince),
  }
}
