/** Who may do what, over every transport alike: every call × every role × a queue of their own and a foreign one. */
import { defineTask, taskId, unchecked } from '@millrace/core'
import { OTHER_WORKER, Stage, WORKER } from '../stage.ts'
import type { Role } from '../../src/access/roles.ts'

export type Input = Readonly<Record<string, unknown>>

/**
 * What becomes of a call by who may make it, about a foreign queue:
 * - `hidden`: the thing is as if it were not there;
 * - `refused`: the queue is named, and refused;
 * - `left out`: the call is answered, without what is foreign;
 * - `nobody`: it belongs to no queue, so that it needs a role for all of them, whatever it is about.
 */
export type Foreign = 'hidden' | 'refused' | 'left out' | 'nobody'

export interface Policy {
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

export const POLICIES: Readonly<Record<string, Policy>> = {
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

/** A stage on which there is something of each in both queues. */
export async function staged(): Promise<Stage> {
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
