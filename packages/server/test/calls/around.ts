/** What is around tasks. */
import { expect } from 'vitest'
import { WORKER } from '../stage.ts'
import { ada, NOBODY, output, refusedAs, states, type CallCase } from './making.ts'

export const AROUND: readonly CallCase[] = [
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
