/** What is done to tasks. */
import { expect } from 'vitest'
import { OTHER, ada, ID, NOBODY, output, refusedAs, states, type CallCase } from './making.ts'
import { greet } from './prepared.ts'

export const ACTING: readonly CallCase[] = [
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
      const ended = stage.audit.filter(({ stage: at }) => at === 'ended')
      expect(ended.map(({ caller, call, refused, changed }) => [caller, call, refused, changed])).toEqual([
        ['root', 'tasks.edit', null, undefined],
        ['root', 'tasks.act', null, 1],
        ['watcher', 'tasks.hold', 'forbidden', undefined],
        ['elsewhere', 'tasks.hold', 'not-found', undefined],
      ])
      // who may do so nowhere has begun nothing
      const begun = stage.audit.filter(({ stage: at }) => at === 'begun')
      expect(begun.map(({ id }) => id)).toEqual([0, 1, 3].map((place) => ended[place]!.id))
      expect(JSON.stringify(stage.audit)).not.toContain('secret')
    },
  },
  {
    name: 'nothing is done that cannot be noted in the audit; what is not noted goes on',
    async run(make, stage) {
      await stage.mill.enqueue(greet, { name: 'a' }, { id: ID })
      stage.parts.audit.note = () => Promise.reject(new Error('full'))
      await refusedAs('store-unavailable', make('tasks.hold', { id: ID }))
      expect(await output(make('tasks.get', { id: ID }))).toMatchObject({ state: 'ready' })
    },
  },
  {
    name: 'tasks of queues that a caller may not see are as if they were not there, inside a request, too',
    async run(make, stage) {
      stage.grant('media', 'operator', 'media')
      stage.grant('worker', 'worker', 'media')
      await stage.mill.enqueue(greet, { name: 'a' }, { id: ID })
      await stage.mill.enqueue(greet, { name: 'a' }, { id: OTHER, queue: 'media' })
      const mine = { ...ada, queue: 'media' }
      const theirs = { ...ada, queue: 'default' }
      for (const after of [ID, NOBODY])
        await refusedAs('unknown-parent', make('tasks.enqueue', { ...mine, after: [after] }, 'media'))
      await output(make('tasks.enqueue', { ...mine, after: [OTHER] }, 'worker'))
      const { tasks } = await output(
        make('tasks.enqueueMany', { tasks: [mine, theirs, { ...mine, after: [ID] }] }, 'media'),
      )
      expect(tasks).toMatchObject([
        { outcome: 'created' },
        { outcome: 'rejected', error: { code: 'forbidden' } },
        { outcome: 'rejected', error: { code: 'unknown-parent' } },
      ])
      expect(await output(make('tasks.act', { action: 'hold', ids: [ID, OTHER] }, 'media'))).toMatchObject({
        changed: 1,
        outcomes: [{ outcome: 'unknown' }, { outcome: 'changed' }],
      })
      await refusedAs('forbidden', make('tasks.act', { action: 'hold', filter: { type: 'greet' } }, 'media'))
      await refusedAs('forbidden', make('tasks.dead', {}, 'media'))
      await refusedAs('forbidden', make('schedules.put', { name: 'x', ...theirs, every: '5m' }, 'media'))
      expect((await stage.mill.tasks.get(ID))!.held).toBe(false)
    },
  },
]
