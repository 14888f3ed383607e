/** Who may do what: every route × every role × a queue of their own and a foreign one. */
import { defineTask, taskId, unchecked } from '@millrace/core'
import { describe, expect, test } from 'vitest'
import { ROLES, type Role } from '../../src/access/roles.ts'
import { ROUTES, STREAM_ROUTES } from '../../src/rest/routes.ts'
import { OTHER_WORKER, Stage, WORKER } from '../stage.ts'
import { requestOf, routeOf } from './requests.ts'

type Input = Readonly<Record<string, unknown>>

/**
 * What becomes of a call by who may make it, about a foreign queue:
 * - `hidden`: the thing is as if it were not there;
 * - `refused`: the queue is named, and refused;
 * - `left out`: the call is answered, without what is foreign;
 * - `nobody`: it belongs to no queue, so that it needs a role for all of them, whatever it is about.
 */
type Foreign = 'hidden' | 'refused' | 'left out' | 'nobody'

interface Policy {
  readonly roles: readonly Role[]
  readonly foreign: Foreign
  /** The input about something of a queue. */
  readonly input: (queue: 'mine' | 'theirs') => Input
}

const TASKS = { mine: taskId('policy', 'mine'), theirs: taskId('policy', 'theirs') }
const WORKERS = { mine: WORKER, theirs: OTHER_WORKER }

const FOLLOWERS: readonly Role[] = ['producer', 'worker', 'viewer', 'operator', 'admin']
const PRODUCERS: readonly Role[] = ['producer', 'worker', 'operator', 'admin']
const VIEWERS: readonly Role[] = ['viewer', 'operator', 'admin']
const OPERATORS: readonly Role[] = ['operator', 'admin']

const task =
  (more: Input = {}) =>
  (queue: 'mine' | 'theirs') => ({ id: TASKS[queue], ...more })
const named =
  (more: Input = {}) =>
  (queue: 'mine' | 'theirs') => ({ name: queue, ...more })
const queued =
  (more: Input = {}) =>
  (queue: 'mine' | 'theirs') => ({ queue, ...more })
const worker =
  (more: Input = {}) =>
  (queue: 'mine' | 'theirs') => ({ id: WORKERS[queue], ...more })
const always =
  (input: Input = {}) =>
  () =>
    input

const POLICIES: Readonly<Record<string, Policy>> = {
  'tasks.enqueue': { roles: PRODUCERS, foreign: 'refused', input: queued({ type: 'job', force: true }) },
  'tasks.enqueueMany': {
    roles: PRODUCERS,
    foreign: 'refused',
    input: (queue) => ({
      tasks: [
        { queue: 'mine', type: 'job', force: true },
        { queue, type: 'job', force: true },
      ],
      atomic: true,
    }),
  },
  'tasks.act': {
    roles: OPERATORS,
    foreign: 'refused',
    input: (queue) => ({ action: 'hold', filter: { queue } }),
  },
  'tasks.list': { roles: VIEWERS, foreign: 'left out', input: always() },
  'tasks.get': { roles: FOLLOWERS, foreign: 'hidden', input: task() },
  'tasks.edit': { roles: OPERATORS, foreign: 'hidden', input: task({ priority: 'high' }) },
  'tasks.remove': { roles: OPERATORS, foreign: 'hidden', input: task() },
  'tasks.result': { roles: FOLLOWERS, foreign: 'hidden', input: task() },
  'tasks.history': { roles: FOLLOWERS, foreign: 'hidden', input: task() },
  'tasks.explain': { roles: VIEWERS, foreign: 'hidden', input: task() },
  'tasks.cancel': { roles: PRODUCERS, foreign: 'hidden', input: task() },
  'tasks.retry': { roles: OPERATORS, foreign: 'hidden', input: task() },
  'tasks.hold': { roles: OPERATORS, foreign: 'hidden', input: task() },
  'tasks.release': { roles: OPERATORS, foreign: 'hidden', input: task() },
  'tasks.setPriority': { roles: OPERATORS, foreign: 'hidden', input: task({ priority: 'low' }) },
  'tasks.dead': { roles: VIEWERS, foreign: 'refused', input: queued() },
  'definitions.list': { roles: VIEWERS, foreign: 'left out', input: always() },
  'stats.get': { roles: VIEWERS, foreign: 'left out', input: always() },
  'queues.list': { roles: VIEWERS, foreign: 'left out', input: always() },
  'queues.get': { roles: VIEWERS, foreign: 'refused', input: queued() },
  'queues.configure': { roles: OPERATORS, foreign: 'refused', input: queued({ retention: null }) },
  'queues.pause': { roles: OPERATORS, foreign: 'refused', input: queued() },
  'queues.resume': { roles: OPERATORS, foreign: 'refused', input: queued() },
  'schedules.list': { roles: VIEWERS, foreign: 'left out', input: always() },
  'schedules.previewTimes': { roles: VIEWERS, foreign: 'left out', input: always({ every: '5m' }) },
  'schedules.get': { roles: VIEWERS, foreign: 'hidden', input: named() },
  'schedules.put': {
    roles: OPERATORS,
    foreign: 'refused',
    input: (queue) => ({ name: queue, type: 'job', queue, every: '7m', force: true }),
  },
  'schedules.remove': { roles: OPERATORS, foreign: 'hidden', input: named() },
  'schedules.pause': { roles: OPERATORS, foreign: 'hidden', input: named() },
  'schedules.resume': { roles: OPERATORS, foreign: 'hidden', input: named() },
  'schedules.trigger': { roles: OPERATORS, foreign: 'hidden', input: named() },
  'schedules.backfill': {
    roles: OPERATORS,
    foreign: 'hidden',
    input: named({ from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:10:00Z' }),
  },
  'schedules.preview': { roles: VIEWERS, foreign: 'hidden', input: named() },
  'workers.list': { roles: VIEWERS, foreign: 'left out', input: always() },
  'workers.drain': { roles: OPERATORS, foreign: 'hidden', input: worker() },
  'workers.stop': { roles: OPERATORS, foreign: 'hidden', input: worker() },
  'workers.resize': { roles: OPERATORS, foreign: 'hidden', input: worker({ concurrency: 3 }) },
  'limits.list': { roles: VIEWERS, foreign: 'left out', input: always() },
  'limits.put': {
    roles: OPERATORS,
    foreign: 'refused',
    input: (queue) => ({ name: `queue:${queue}`, concurrency: 3 }),
  },
  'limits.remove': { roles: OPERATORS, foreign: 'refused', input: (queue) => ({ name: `queue:${queue}` }) },
  'breakers.list': { roles: VIEWERS, foreign: 'nobody', input: always() },
  'breakers.trip': { roles: OPERATORS, foreign: 'nobody', input: always({ name: 'stripe' }) },
  'breakers.reset': { roles: OPERATORS, foreign: 'nobody', input: always({ name: 'stripe' }) },
  'partitions.list': { roles: VIEWERS, foreign: 'nobody', input: always() },
  'partitions.put': { roles: OPERATORS, foreign: 'nobody', input: always({ partition: 'mine', weight: 2 }) },
  'budgets.list': { roles: VIEWERS, foreign: 'left out', input: always() },
  'budgets.put': { roles: OPERATORS, foreign: 'refused', input: queued({ tasks: 100 }) },
  'budgets.remove': { roles: OPERATORS, foreign: 'refused', input: queued() },
  'locks.list': { roles: VIEWERS, foreign: 'nobody', input: always() },
  'events.watch': { roles: VIEWERS, foreign: 'refused', input: queued() },
  'tasks.updates': { roles: FOLLOWERS, foreign: 'hidden', input: task() },
}

const ROUTED = [...ROUTES, ...STREAM_ROUTES]

test('every route has a policy', () => {
  expect(Object.keys(POLICIES).toSorted()).toEqual(ROUTED.map(({ call }) => call).toSorted())
})

async function staged(): Promise<Stage> {
  const stage = new Stage()
  const { mill } = stage
  await stage.publish(WORKER, 'mine', ['mine-job'])
  await stage.publish(OTHER_WORKER, 'theirs', ['theirs-job'])
  for (const queue of ['mine', 'theirs'] as const) {
    const job = defineTask('job', { input: unchecked<unknown>(), queue })
    await mill.enqueue(job, queue, { id: TASKS[queue] })
    await mill.schedules.put(queue, { task: job, every: '5m', input: queue })
    await mill.limits.put({ queue }, { concurrency: 5 })
    await mill.budgets.put({ queue }, { tasks: 1_000 })
  }
  return stage
}

/** The status, and the beginning of what was answered: a stream has no end. */
async function asked(
  { server }: Stage,
  call: string,
  { input, as }: { readonly input: Input; readonly as: string },
): Promise<{ readonly status: number; readonly text: string }> {
  const headers: Record<string, string> = as === '' ? {} : { authorization: `Bearer ${as}` }
  const response = await server.fetch(requestOf(routeOf(call), input, headers))
  if (!(response.headers.get('content-type') ?? '').startsWith('text/event-stream'))
    return { status: response.status, text: await response.text() }
  await response.body!.cancel()
  return { status: response.status, text: '' }
}

/** Whether an answer tells that the foreign queue, or something of it, is there. */
function leaks({ status, text }: { readonly status: number; readonly text: string }): boolean {
  if (status === 200) return text.includes('theirs')
  return status === 404 && text.replaceAll(/"(instance|hint)":"[^"]*"/g, '').includes('queue')
}

describe.each(ROUTED.map(({ call }) => call))('%s', (call) => {
  const { roles, foreign, input } = POLICIES[call]!
  const REFUSAL: Readonly<Record<Foreign, number>> = {
    hidden: 404,
    refused: 403,
    'left out': 200,
    nobody: 403,
  }

  test('without a credential it is refused', async () => {
    await using stage = await staged()
    expect(await asked(stage, call, { input: input('mine'), as: '' })).toMatchObject({ status: 401 })
    expect(await asked(stage, call, { input: input('mine'), as: 'unknown' })).toMatchObject({ status: 401 })
  })

  test.each(ROLES)('as %s', async (role) => {
    await using stage = await staged()
    stage.grant('limited', role, 'mine')
    stage.grant('everywhere', role, '**')
    // a name that begins alike is another queue
    stage.grant('similar', role, 'mine.*', 'min', 'mines')
    const may = roles.includes(role)
    const refusal = may ? REFUSAL[foreign] : 403
    const before = await stage.mill.queues.list()
    const theirs = await asked(stage, call, { input: input('theirs'), as: 'limited' })
    const changed = JSON.stringify(await stage.mill.queues.list()) !== JSON.stringify(before)
    expect({ ...theirs, leaks: leaks(theirs), changed }).toMatchObject({
      status: refusal,
      leaks: false,
      changed: false,
    })
    const similar = await asked(stage, call, { input: input('mine'), as: 'similar' })
    expect(similar).toMatchObject({ status: refusal })
    const mine = await asked(stage, call, { input: input('mine'), as: 'limited' })
    expect({ ...mine, isDone: mine.status < 300 }).toMatchObject({ isDone: may && foreign !== 'nobody' })
    const everywhere = await asked(stage, call, { input: input('theirs'), as: 'everywhere' })
    expect({ ...everywhere, isDone: everywhere.status < 300 }).toMatchObject({ isDone: may })
  })
})
