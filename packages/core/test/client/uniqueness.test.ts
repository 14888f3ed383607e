/** Unique keys as producers and handlers see them. */
import { describe, expect, test } from 'vitest'
import { defineTask, unchecked } from '../../src/index.ts'
import { World } from '../worker/world.ts'

const input = unchecked<{ path: string }>()
const key = ({ path }: { path: string }): string => path
const debounced = defineTask('debounced', { input, unique: { key, while: 'waiting', then: 'replace' } })
const throttled = defineTask('throttled', { input, unique: { key, within: '1h' } })
const single = defineTask('single', { input, unique: { key, then: 'replace' } })
const A = { path: 'a' }

describe('replace', () => {
  test('the handle is of the newcomer, and names whom it replaced', async () => {
    const world = new World()
    const mill = world.mill()
    const first = await world.settle(mill.enqueue(debounced, A, { delay: '1m' }))
    expect(first.outcome).toBe('created')
    const second = await world.settle(mill.enqueue(debounced, A, { delay: '1m' }))
    expect(second).toMatchObject({ outcome: 'replaced', previous: first.id })
    expect(second.id).not.toBe(first.id)
    const waiting = await world.refusal(first.result({ within: '1s' }))
    expect(waiting.code).toBe('task-cancelled')
    expect(waiting.message).toContain('replaced')
  })

  test('what runs is not replaced: the error says that it runs', async () => {
    const world = new World()
    const mill = world.mill()
    const started = Promise.withResolvers<void>()
    const worker = mill.worker({
      handlers: single.handler(async () => {
        started.resolve()
        await new Promise(() => undefined)
      }),
    })
    await world.settle(worker.start())
    const { id } = await world.settle(mill.enqueue(single, A))
    await world.settle(started.promise)
    const error = await world.refusal(mill.enqueue(single, A))
    expect(error).toMatchObject({ code: 'unique', by: { id, state: 'running' } })
    expect(error.message).toContain('which is running')
  })

  test('of one bulk the last one stays, all or nothing or each by itself', async () => {
    const world = new World()
    const mill = world.mill()
    const drafts = (path: string) => [debounced.with({ path }), debounced.with({ path })]
    const atomic = await world.settle(mill.enqueueMany(drafts('a'), { atomic: true }))
    const each = await world.settle(mill.enqueueMany(drafts('b')))
    for (const [one, two] of [atomic, each]) {
      expect(one).toMatchObject({ outcome: 'created' })
      expect(two).toMatchObject({ outcome: 'replaced', previous: (one as { id: string }).id })
    }
  })

  test('an atomic bulk behind a gate is refused before anything is written', async () => {
    const world = new World()
    const mill = world.mill()
    const drafts = Array.from({ length: 1_001 }, (_, n) => debounced.with({ path: String(n) }))
    const error = await world.refusal(mill.enqueueMany(drafts, { atomic: true }))
    expect(error).toMatchObject({ code: 'invalid-argument' })
    expect((error as Error & { hint?: string }).hint).toContain('by itself')
    expect((await world.settle(mill.tasks.list({}))).tasks).toEqual([])
  })
})

describe('within', () => {
  test('the first one wins for so long', async () => {
    const world = new World()
    const mill = world.mill()
    const first = await world.settle(mill.enqueue(throttled, A))
    await world.settle(first.cancel())
    const second = await world.settle(mill.enqueue(throttled, A))
    expect(second).toMatchObject({ id: first.id, outcome: 'duplicate', by: { state: 'cancelled' } })
    await world.time.advance(3_600_000)
    const third = await world.settle(mill.enqueue(throttled, A))
    expect(third.outcome).toBe('created')
  })

  test('a call says more than the definition, or leaves it to that', async () => {
    const world = new World()
    const specs: unknown[] = []
    const line = world.line()
    line.keep('add', (pass, request) => {
      for (const { tasks } of request.groups) specs.push(...tasks.map(({ unique }) => unique))
      return pass()
    })
    const mill = world.mill(line)
    await world.settle(mill.enqueue(throttled, A))
    await world.settle(mill.enqueue(throttled, A, { unique: { key: 'b', then: 'reject' } }))
    await world.settle(mill.enqueue(throttled, A, { unique: { key: 'c', while: 'live' } }))
    await world.settle(mill.enqueue(debounced, A, { unique: { key: 'd', within: 5_000 } }))
    expect(specs).toEqual([
      { key: 'throttled:a', while: { withinMs: 3_600_000 }, then: 'keep' },
      { key: 'throttled:b', while: { withinMs: 3_600_000 }, then: 'reject' },
      { key: 'throttled:c', while: 'live', then: 'keep' },
      { key: 'debounced:d', while: { withinMs: 5_000 }, then: 'replace' },
    ])
  })
})
