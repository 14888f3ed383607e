/** What calls do, over every transport alike. */
import { taskId } from '@millrace/core'
import { expect } from 'vitest'
import { WORKER, type Stage } from '../stage.ts'
import { greet } from './prepared.ts'
import type { Outcome } from './transport.ts'

type Input = Readonly<Record<string, unknown>>

/** Makes a call as `root`, or as somebody else. */
export type Make = (call: string, input?: Input, as?: string) => Promise<Outcome>

export interface CallCase {
  readonly name: string
  run(make: Make, stage: Stage): Promise<void>
}

const ID = taskId('case', 'a')
const OTHER = taskId('case', 'b')
const NOBODY = taskId('case', 'nobody')
const ada = { type: 'greet', input: { name: 'Ada' } }

async function output(made: Promise<Outcome>): Promise<Record<string, unknown>> {
  const outcome = await made
  expect(outcome).toHaveProperty('output')
  return (outcome as { output: Record<string, unknown> }).output
}

async function refusedAs(code: string, made: Promise<Outcome>): Promise<void> {
  expect(await made).toMatchObject({ refused: code })
}

async function states(make: Make): Promise<Record<string, unknown>> {
  const { tasks } = await output(make('tasks.list'))
  return Object.fromEntries((tasks as { id: string; state: string }[]).map(({ id, state }) => [id, state]))
}

const ENQUEUING: readonly CallCase[] = [
  {
    name: 'an enqueue by name takes queue and options of the definition, and those of the call before them',
    async run(make, { mill }) {
      const { id } = await output(
        make('tasks.enqueue', { ...ada, priority: 'high', delay: '1h', tags: ['x'] }),
      )
      expect(await mill.tasks.get(id as string)).toMatchObject({
        queue: 'default',
        priority: 'high',
        state: 'scheduled',
        tags: ['x'],
        timeoutMs: 900_000,
        input: { name: 'Ada' },
      })
    },
  },
  {
    name: 'an id that is given names one task; with another input it is taken',
    async run(make) {
      expect(await output(make('tasks.enqueue', { ...ada, id: ID }))).toEqual({ outcome: 'created', id: ID })
      expect(await output(make('tasks.enqueue', { ...ada, id: ID }))).toEqual({
        outcome: 'duplicate',
        id: ID,
        by: { id: ID, state: 'pending' },
      })
      await refusedAs('conflict', make('tasks.enqueue', { ...ada, input: { name: 'Eve' }, id: ID }))
    },
  },
  {
    name: 'an idempotency key makes one task for each caller, and refuses another request',
    async run(make, stage) {
      stage.grant('other', 'producer', '**')
      const first = await output(make('tasks.enqueue', { ...ada, idempotencyKey: 'k', priority: 'low' }))
      const again = await output(make('tasks.enqueue', { ...ada, idempotencyKey: 'k', priority: 'low' }))
      expect(again).toMatchObject({ outcome: 'duplicate', id: first['id'] })
      const another = { ...ada, input: { name: 'Eve' }, idempotencyKey: 'k', priority: 'low' }
      await refusedAs('idempotency-key-reused', make('tasks.enqueue', another))
      await refusedAs(
        'idempotency-key-reused',
        make('tasks.enqueue', { ...ada, idempotencyKey: 'k', priority: 'high' }),
      )
      const others = await output(
        make('tasks.enqueue', { ...ada, idempotencyKey: 'k', priority: 'low' }, 'other'),
      )
      expect(others).toMatchObject({ outcome: 'created' })
      expect(others['id']).not.toBe(first['id'])
    },
  },
  {
    name: 'an idempotency key holds for many tasks, too',
    async run(make) {
      const request = { tasks: [ada, { ...ada, after: [0] }], atomic: true, idempotencyKey: 'k' }
      const first = (await output(make('tasks.enqueueMany', request)))['tasks'] as { id: string }[]
      const again = (await output(make('tasks.enqueueMany', request)))['tasks'] as {
        id: string
        outcome: string
      }[]
      expect(again.map(({ id, outcome }) => [id, outcome])).toEqual(first.map(({ id }) => [id, 'duplicate']))
      await refusedAs('idempotency-key-reused', make('tasks.enqueueMany', { ...request, tasks: [ada] }))
    },
  },
  {
    name: 'an unknown type is refused, with what was meant; by force it is taken',
    async run(make) {
      const refused = await make('tasks.enqueue', { type: 'gret', input: 1 })
      expect(refused).toMatchObject({ refused: 'unknown-task' })
      expect(await output(make('tasks.enqueue', { type: 'gret', input: 1, force: true }))).toMatchObject({
        outcome: 'created',
      })
    },
  },
  {
    name: 'an input that does not fit the schema is refused, and by force taken',
    async run(make) {
      await refusedAs('invalid-payload', make('tasks.enqueue', { type: 'greet', input: { name: 1 } }))
      await refusedAs('invalid-payload', make('tasks.enqueue', { type: 'greet' }))
      expect(await states(make)).toEqual({})
      await output(make('tasks.enqueue', { type: 'greet', input: { name: 1 }, force: true }))
    },
  },
  {
    name: 'what cannot be right is refused before anything is written',
    async run(make) {
      for (const wrong of [
        { delay: '1 hour' },
        { delay: 1, runAt: '2026-01-01T00:00:00Z' },
        { runAt: 'tomorrow' },
        { queue: 'no queue' },
        { priority: 'urgent' },
        { id: 'x' },
        { surplus: true },
        { retry: { attempts: 0 } },
        { idempotencyKey: 'x'.repeat(256) },
      ])
        await refusedAs('invalid-argument', make('tasks.enqueue', { ...ada, ...wrong }))
      await refusedAs('unknown-parent', make('tasks.enqueue', { ...ada, after: [NOBODY] }))
      expect(await states(make)).toEqual({})
    },
  },
  {
    name: 'a unique key: kept, rejected and replaced',
    async run(make) {
      const keyed = { ...ada, unique: { key: 'k' } }
      const { id } = await output(make('tasks.enqueue', keyed))
      expect(await output(make('tasks.enqueue', keyed))).toMatchObject({ outcome: 'duplicate', id })
      await refusedAs('unique', make('tasks.enqueue', { ...ada, unique: { key: 'k', then: 'reject' } }))
      expect(
        await output(make('tasks.enqueue', { ...ada, unique: { key: 'k', then: 'replace' } })),
      ).toMatchObject({
        outcome: 'replaced',
        previous: id,
      })
    },
  },
  {
    name: 'best effort: each by itself, and those that wait for a refused one fall with it',
    async run(make) {
      const { tasks } = await output(
        make('tasks.enqueueMany', {
          tasks: [
            ada,
            { type: 'gret' },
            { ...ada, after: [1] },
            { ...ada, after: [0] },
            { ...ada, after: [2] },
          ],
        }),
      )
      expect((tasks as { outcome: string }[]).map(({ outcome }) => outcome)).toEqual([
        'created',
        'rejected',
        'rejected',
        'created',
        'rejected',
      ])
      expect((tasks as { error?: { code: string } }[])[1]!.error!.code).toBe('unknown-task')
      expect(Object.values(await states(make)).toSorted()).toEqual(['blocked', 'ready'])
    },
  },
  {
    name: 'atomic: all or none, and it is said which one is wrong',
    async run(make) {
      const refused = await make('tasks.enqueueMany', { tasks: [ada, { type: 'gret' }], atomic: true })
      expect(refused).toMatchObject({
        refused: 'unknown-task',
        detail: expect.stringContaining('index 1') as string,
      })
      expect(await states(make)).toEqual({})
    },
  },
  {
    name: 'tasks of one request wait for each other by index and by id, forwards too',
    async run(make, { mill }) {
      await output(
        make('tasks.enqueueMany', {
          tasks: [
            { ...ada, id: ID, after: [{ task: 1, ifFailed: 'run' }] },
            { ...ada, id: OTHER },
            { ...ada, after: [OTHER] },
          ],
          atomic: true,
        }),
      )
      expect((await mill.tasks.get(ID))!.after).toEqual([{ parent: OTHER, ifFailed: 'run' }])
      expect(Object.values(await states(make)).toSorted()).toEqual(['blocked', 'blocked', 'ready'])
      await refusedAs(
        'cycle',
        make('tasks.enqueueMany', {
          tasks: [
            { ...ada, after: [1] },
            { ...ada, after: [0] },
          ],
        }),
      )
      await refusedAs(
        'invalid-argument',
        make('tasks.enqueueMany', { tasks: [{ ...ada, after: [7] }], atomic: true }),
      )
    },
  },
]

const LOOKING: readonly CallCase[] = [
  {
    name: 'a list is filtered by shown states, queue, type, tag, metadata and text, and comes in pages',
    async run(make, { mill }) {
      await mill.enqueue(greet, { name: 'a' }, { id: ID, tags: ['t'], metadata: { customer: '42' } })
      await mill.enqueue(greet, { name: 'b' }, { id: OTHER, delay: '1h', queue: 'media' })
      const ids = async (input: Input): Promise<unknown> =>
        ((await output(make('tasks.list', input)))['tasks'] as { id: string }[]).map(({ id }) => id)
      expect(await ids({ state: ['ready'] })).toEqual([ID])
      expect(await ids({ state: ['scheduled', 'running'] })).toEqual([OTHER])
      expect(await ids({ state: ['pending'] })).toHaveLength(2)
      expect(await ids({ queue: 'media' })).toEqual([OTHER])
      expect(await ids({ tag: 't' })).toEqual([ID])
      expect(await ids({ metadata: { customer: '42' } })).toEqual([ID])
      expect(await ids({ metadata: { customer: '43' } })).toEqual([])
      expect(await ids({ text: 'GREE' })).toHaveLength(2)
      const { tasks, next } = await output(make('tasks.list', { limit: 1 }))
      expect(tasks).toHaveLength(1)
      expect(await ids({ limit: 1, cursor: next })).toHaveLength(1)
      await refusedAs('invalid-argument', make('tasks.list', { state: ['odd'] }))
      await refusedAs('invalid-argument', make('tasks.list', { limit: 1_001 }))
    },
  },
  {
    name: 'a task, its history and why it waits',
    async run(make, { mill }) {
      await mill.enqueue(greet, { name: 'a' }, { id: ID })
      expect(await output(make('tasks.get', { id: ID }))).toMatchObject({
        id: ID,
        state: 'ready',
        input: { name: 'a' },
      })
      expect(await output(make('tasks.history', { id: ID }))).toMatchObject({
        events: [{ event: 'enqueued' }],
      })
      const { clauses } = await output(make('tasks.explain', { id: ID }))
      expect(clauses).not.toHaveLength(0)
      for (const call of ['tasks.get', 'tasks.history', 'tasks.result'])
        await refusedAs('not-found', make(call, { id: NOBODY }))
      expect(await output(make('tasks.explain', { id: NOBODY }))).toMatchObject({ state: 'unknown' })
    },
  },
  {
    name: 'a result is pending, then what came of it',
    async run(make, { mill }) {
      await mill.enqueue(greet, { name: 'Ada' }, { id: ID })
      expect(await output(make('tasks.result', { id: ID, within: '1ms' }))).toEqual({
        outcome: 'pending',
        state: 'ready',
      })
      const waiting = make('tasks.result', { id: ID, within: '20s' })
      const worker = mill.worker({ handlers: [greet.handler(({ name }) => `Hello ${name}`)] })
      await worker.start()
      expect(await output(waiting)).toMatchObject({ outcome: 'succeeded', result: 'Hello Ada' })
      await mill.enqueue(greet, { name: 'Ada' }, { id: OTHER, delay: '1h' })
      await mill.tasks.cancel(OTHER, { reason: 'enough' })
      expect(await output(make('tasks.result', { id: OTHER }))).toMatchObject({
        outcome: 'cancelled',
        reason: 'enough',
      })
      await worker.stop()
    },
  },
  {
    name: 'dead letters are grouped, and show as failed results',
    async run(make, { mill }) {
      const failing = greet.handler(() => {
        throw new Error('no such file 17')
      })
      const worker = mill.worker({ handlers: [failing] })
      await worker.start()
      for (const id of [ID, OTHER]) await mill.enqueue(greet, { name: 'a' }, { id, retry: false })
      const failed = await output(make('tasks.result', { id: ID, within: '20s' }))
      expect(failed).toMatchObject({
        outcome: 'failed',
        reason: 'error',
        error: { message: 'no such file 17' },
      })
      expect(JSON.stringify(failed)).not.toContain('"stack"')
      await output(make('tasks.result', { id: OTHER, within: '20s' }))
      const { groups } = await output(make('tasks.dead', {}))
      expect(groups).toMatchObject([{ type: 'greet', count: 2, message: 'no such file <n>' }])
      await worker.stop()
    },
  },
  {
    name: 'stats count what there is',
    async run(make, { mill }) {
      await mill.enqueue(greet, { name: 'a' })
      await mill.enqueue(greet, { name: 'a' }, { queue: 'media', delay: '1h' })
      expect(await output(make('stats.get'))).toMatchObject({
        counts: { ready: 1, scheduled: 1 },
        queues: [{ queue: 'default' }, { queue: 'media', oldestReadyMs: null }],
      })
    },
  },
]

const ACTING: readonly CallCase[] = [
  {
    name: 'what is done to one task',
    async run(make, { mill }) {
      await mill.enqueue(greet, { name: 'a' }, { id: ID })
      const done = { id: ID, outcome: 'changed' }
      expect(await output(make('tasks.hold', { id: ID }))).toEqual(done)
      expect(await states(make)).toEqual({ [ID]: 'held' })
      expect(await output(make('tasks.release', { id: ID }))).toEqual(done)
      expect(await output(make('tasks.setPriority', { id: ID, priority: 'batch' }))).toEqual(done)
      expect(
        await output(make('tasks.edit', { id: ID, input: { name: 'b' }, runAt: '2030-01-01T00:00:00Z' })),
      ).toEqual(done)
      expect(await mill.tasks.get(ID)).toMatchObject({
        priority: 'batch',
        input: { name: 'b' },
        state: 'scheduled',
      })
      await refusedAs('invalid-payload', make('tasks.edit', { id: ID, input: { name: 1 } }))
      await refusedAs('invalid-argument', make('tasks.edit', { id: ID }))
      expect(await output(make('tasks.cancel', { id: ID, reason: 'x' }))).toEqual(done)
      expect(await output(make('tasks.cancel', { id: ID }))).toEqual({ id: ID, outcome: 'refused' })
      expect(await output(make('tasks.retry', { id: ID, input: { name: 'c' } }))).toEqual(done)
      expect(await mill.tasks.get(ID)).toMatchObject({ input: { name: 'c' }, state: 'ready' })
      expect(await output(make('tasks.remove', { id: ID }))).toEqual(done)
      for (const call of ['hold', 'release', 'cancel', 'retry', 'remove'])
        await refusedAs('not-found', make(`tasks.${call}`, { id: ID }))
    },
  },
  {
    name: 'what is done to several by their ids is told of each',
    async run(make, { mill }) {
      await mill.enqueue(greet, { name: 'a' }, { id: ID })
      expect(await output(make('tasks.act', { action: 'hold', ids: [NOBODY, ID] }))).toMatchObject({
        changed: 1,
        outcomes: [
          { id: NOBODY, outcome: 'unknown' },
          { id: ID, outcome: 'changed' },
        ],
      })
    },
  },
  {
    name: 'what is done over a filter is previewed, bounded, and goes on',
    async run(make, { mill }) {
      for (const name of ['a', 'b', 'c']) await mill.enqueue(greet, { name })
      const cancel = { action: 'cancel', filter: { queue: 'default', state: ['pending'] } }
      expect(await output(make('tasks.act', { ...cancel, preview: true }))).toMatchObject({
        matched: 3,
        changed: 3,
      })
      const first = await output(make('tasks.act', { ...cancel, limit: 2 }))
      expect(first).toMatchObject({ matched: 2, changed: 2 })
      const second = await output(make('tasks.act', { ...cancel, limit: 2, cursor: first['next'] }))
      expect(second).toMatchObject({ matched: 1, changed: 1, next: null })
      await refusedAs(
        'invalid-argument',
        make('tasks.act', { ...cancel, preview: true, cursor: first['next'] }),
      )
      await refusedAs('invalid-argument', make('tasks.act', { action: 'cancel', filter: {} }))
      await refusedAs('invalid-argument', make('tasks.act', { action: 'cancel' }))
      await refusedAs('invalid-argument', make('tasks.act', { ...cancel, ids: [ID] }))
    },
  },
  {
    name: 'a bulk retry takes an input only where its type is said, and it fits',
    async run(make, { mill }) {
      await mill.enqueue(greet, { name: 'a' }, { id: ID })
      await mill.tasks.cancel(ID)
      const retry = { action: 'retry', filter: { type: 'greet', state: ['cancelled'] } }
      await refusedAs('invalid-payload', make('tasks.act', { ...retry, input: { name: 1 } }))
      await refusedAs(
        'invalid-argument',
        make('tasks.act', { action: 'retry', filter: { queue: 'default' }, input: {} }),
      )
      expect(await output(make('tasks.act', { ...retry, input: { name: 'z' } }))).toMatchObject({
        changed: 1,
      })
    },
  },
  {
    name: 'what operators do is kept in the audit, refused or not, without inputs',
    async run(make, stage) {
      await stage.mill.enqueue(greet, { name: 'a' }, { id: ID })
      stage.grant('watcher', 'viewer', '**')
      stage.grant('elsewhere', 'operator', 'media')
      await output(make('tasks.edit', { id: ID, input: { name: 'secret' } }))
      await output(make('tasks.act', { action: 'hold', filter: { type: 'greet' }, preview: true }))
      await output(make('tasks.act', { action: 'hold', filter: { type: 'greet' } }))
      await refusedAs('forbidden', make('tasks.hold', { id: ID }, 'watcher'))
      await refusedAs('not-found', make('tasks.hold', { id: ID }, 'elsewhere'))
      await output(make('tasks.list'))
      expect(
        stage.audit.map(({ caller, call, refused, changed }) => [caller, call, refused, changed]),
      ).toEqual([
        ['root', 'tasks.edit', null, undefined],
        ['root', 'tasks.act', null, 1],
        ['watcher', 'tasks.hold', 'forbidden', undefined],
        ['elsewhere', 'tasks.hold', 'not-found', undefined],
      ])
      expect(JSON.stringify(stage.audit)).not.toContain('secret')
    },
  },
]

const AROUND: readonly CallCase[] = [
  {
    name: 'queues: paused by whom, resumed, configured, limited',
    async run(make, { mill }) {
      await refusedAs('not-found', make('queues.get', { queue: 'default' }))
      await output(make('queues.pause', { queue: 'default' }))
      expect(await output(make('queues.get', { queue: 'default' }))).toMatchObject({
        paused: true,
        limit: null,
      })
      await output(make('queues.resume', { queue: 'default' }))
      const limit = { concurrency: 3, rate: { limit: 10, per: '1s' } }
      await output(
        make('queues.configure', { queue: 'default', retention: { failed: false, count: 7 }, limit }),
      )
      expect(await output(make('queues.get', { queue: 'default' }))).toMatchObject({
        paused: false,
        retention: { failedMs: null, count: 7 },
        limit: { concurrency: 3, rate: { limit: 10, perMs: 1_000 } },
      })
      await output(make('queues.configure', { queue: 'default', retention: null, limit: null }))
      expect(await mill.limits.list()).toEqual([])
      await refusedAs('invalid-argument', make('queues.configure', { queue: 'default', limit: {} }))
    },
  },
  {
    name: 'schedules: put, looked at, paused, triggered, filled, previewed, removed',
    async run(make) {
      const nightly = { name: 'nightly', ...ada, cron: '30 2 * * *', zone: 'Europe/Berlin' }
      expect(await output(make('schedules.put', nightly))).toMatchObject({
        type: 'greet',
        queue: 'default',
        paused: false,
      })
      await output(make('schedules.pause', { name: 'nightly' }))
      expect(await output(make('schedules.get', { name: 'nightly' }))).toMatchObject({ paused: true })
      await output(make('schedules.resume', { name: 'nightly' }))
      const { id } = await output(make('schedules.trigger', { name: 'nightly' }))
      expect(await states(make)).toEqual({ [id as string]: 'ready' })
      const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-03T00:00:00Z' }
      expect(await output(make('schedules.backfill', { name: 'nightly', ...range }))).toEqual({
        matched: 2,
        changed: 2,
      })
      const { fires } = await output(
        make('schedules.preview', { name: 'nightly', count: 1, from: '2026-03-29T00:00:00Z' }),
      )
      expect(fires).toEqual([{ at: '2026-03-29T01:00:00.000Z', note: 'gap' }])
      await refusedAs('invalid-argument', make('schedules.put', { name: 'x', ...ada }))
      await refusedAs('invalid-argument', make('schedules.put', { name: 'x', ...ada, cron: 'x' }))
      await refusedAs('unknown-task', make('schedules.put', { name: 'x', type: 'gret', every: '5m' }))
      await output(make('schedules.remove', { name: 'nightly' }))
      for (const call of ['get', 'pause', 'resume', 'trigger', 'remove'])
        await refusedAs('not-found', make(`schedules.${call}`, { name: 'nightly' }))
    },
  },
  {
    name: 'workers: listed, ordered',
    async run(make) {
      await output(make('workers.resize', { id: WORKER, concurrency: 9 }))
      await output(make('workers.drain', { id: WORKER }))
      expect(await output(make('workers.list'))).toMatchObject({
        workers: [{ id: WORKER, order: { end: 'drain', concurrency: 9 } }],
      })
      await refusedAs('not-found', make('workers.stop', { id: NOBODY }))
    },
  },
  {
    name: 'limits, breakers, partitions, budgets and locks',
    async run(make, { mill }) {
      await output(make('limits.put', { name: 'stripe', concurrency: 3 }))
      await output(make('limits.put', { name: 'queue:default', concurrency: 2 }))
      const { limits } = await output(make('limits.list'))
      expect((limits as { name: string }[]).map(({ name }) => name)).toEqual(['queue:default', 'stripe'])
      await output(make('limits.remove', { name: 'stripe' }))
      await output(make('breakers.trip', { name: 'stripe', for: '5m' }))
      expect(await output(make('breakers.list'))).toMatchObject({
        breakers: [{ name: 'stripe', state: 'open' }],
      })
      await output(make('breakers.reset', { name: 'stripe' }))
      await output(make('partitions.put', { partition: 'acme', weight: 3 }))
      expect(await output(make('partitions.list'))).toEqual({
        partitions: [{ partition: 'acme', weight: 3 }],
      })
      await output(make('budgets.put', { queue: 'default', tasks: 1 }))
      await output(make('tasks.enqueue', ada))
      expect(await output(make('budgets.list'))).toMatchObject({
        budgets: [{ kind: 'queue', name: 'default', tasks: 1 }],
      })
      await refusedAs('backpressure', make('tasks.enqueue', ada))
      await output(make('budgets.remove', { queue: 'default' }))
      await refusedAs('invalid-argument', make('budgets.put', { tasks: 1 }))
      await using _lock = await mill.lock('report')
      expect(await output(make('locks.list'))).toMatchObject({ locks: [{ name: 'report' }] })
    },
  },
]

export const CASES: readonly CallCase[] = [...ENQUEUING, ...LOOKING, ...ACTING, ...AROUND]
