/** Looking at tasks. */
import { expect } from 'vitest'
import { ID, NOBODY, OTHER, output, refusedAs, type CallCase, type Input } from './making.ts'
import { greet } from './prepared.ts'

export const LOOKING: readonly CallCase[] = [
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
