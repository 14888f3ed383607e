/** Enqueuing. */
import { expect } from 'vitest'
import { ada, ID, NOBODY, OTHER, output, refusedAs, stateNames, states, type CallCase } from './making.ts'

export const ENQUEUING: readonly CallCase[] = [
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
      const before = await states(make)
      const longer = { ...request, tasks: [...request.tasks, ada] }
      await refusedAs('idempotency-key-reused', make('tasks.enqueueMany', longer))
      await refusedAs('idempotency-key-reused', make('tasks.enqueueMany', { ...longer, atomic: false }))
      expect(await states(make)).toEqual(before)
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
      expect(await stateNames(make)).toEqual(['blocked', 'ready'])
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
      expect(await stateNames(make)).toEqual(['blocked', 'blocked', 'ready'])
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
  {
    name: 'what was published just now is known, and the store is not asked for it with every enqueue',
    async run(make, stage) {
      await refusedAs('unknown-task', make('tasks.enqueue', { type: 'later', input: { name: 'x' } }))
      await stage.publish(NOBODY, 'default', ['later'])
      let asked = 0
      const definitions = stage.store.definitions.bind(stage.store)
      stage.store.definitions = () => ((asked += 1), definitions())
      for (let count = 0; count < 20; count++)
        await output(make('tasks.enqueue', { type: 'later', input: { name: 'x' } }))
      expect(asked).toBeGreaterThan(0)
      expect(asked).toBeLessThan(10)
      stage.store.definitions = () => Promise.reject(new Error('broken'))
      await refusedAs('internal', make('tasks.enqueue', { type: 'never', input: 1 }))
      stage.store.definitions = definitions
      await refusedAs('unknown-task', make('tasks.enqueue', { type: 'never', input: 1 }))
    },
  },
  {
    name: 'a newcomer that replaces cancels nothing in a queue of others',
    async run(make, stage) {
      stage.grant('mine', 'producer', 'default')
      const replacing = { ...ada, unique: { key: 'k', then: 'replace' } }
      const theirs = await output(
        make('tasks.enqueue', { ...ada, queue: 'media', unique: { key: 'k' }, delay: '1h' }),
      )
      await refusedAs('unique', make('tasks.enqueue', replacing, 'mine'))
      await refusedAs('forbidden', make('tasks.enqueueMany', { tasks: [replacing], atomic: true }, 'mine'))
      expect(await states(make)).toEqual({ [theirs['id'] as string]: 'scheduled' })
      const own = { ...replacing, unique: { key: 'own', then: 'replace' } }
      const first = await output(make('tasks.enqueue', own, 'mine'))
      const second = await output(make('tasks.enqueue', own, 'mine'))
      expect(second).toMatchObject({ outcome: 'replaced', previous: first['id'] })
    },
  },
]
