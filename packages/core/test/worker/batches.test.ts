/** Batch handlers: what goes into one call, what each task gets out of it, and what it leaves to others. */
import { describe, expect, test } from 'vitest'
import {
  defineTask,
  fail,
  NonRetryableError,
  RetryAfterError,
  SnoozeError,
  unchecked,
  type Schema,
} from '../../src/index.ts'
import { batching, embed, many } from './batching.ts'
import { World } from './world.ts'

const plain = defineTask('plain', { input: unchecked<number>() })

describe('what goes into a call', () => {
  test('as many as fit, with an answer for each', async () => {
    const { world, mill, calls } = await batching({ size: 100 })
    const handles = await mill.enqueueMany(many(1_000), { atomic: true })
    const records = await world.ended(handles.map(({ id }) => id))
    expect(calls.map(({ items }) => items.length)).toEqual(Array.from({ length: 10 }, () => 100))
    expect(records.map(({ result }) => result)).toEqual(handles.map((_, i) => String(i * 2)))
  })

  test('what is short of a batch waits for others, but not for long', async () => {
    const { world, mill, calls } = await batching({ size: 10, linger: '200ms' })
    const began = world.time.nowMs
    const first = await mill.enqueue(embed, 1)
    await world.time.advance(150)
    const second = await mill.enqueue(embed, 2)
    await world.ended([first.id, second.id])
    expect(calls.map(({ items }) => items)).toEqual([[1, 2]])
    expect(calls[0]!.atMs - began).toBeGreaterThanOrEqual(200)
    expect(calls[0]!.atMs - began).toBeLessThan(300)
  })

  test('a full batch does not wait', async () => {
    const { world, mill, calls } = await batching({ size: 2, linger: '1m' })
    const began = world.time.nowMs
    const handles = await mill.enqueueMany(many(4), { atomic: true })
    await world.ended(handles.map(({ id }) => id))
    expect(calls.length).toBe(2)
    expect(calls[1]!.atMs - began).toBeLessThan(100)
  })

  test('without linger a call takes what came together', async () => {
    const { world, mill, calls } = await batching({ size: 10, linger: 0 })
    const handles = await mill.enqueueMany(many(3), { atomic: true })
    await world.ended(handles.map(({ id }) => id))
    expect(calls.map(({ items }) => items)).toEqual([[0, 1, 2]])
  })

  test('what `by` tells apart shares no call', async () => {
    const { world, mill, calls } = await batching({ size: 10, by: (n) => n % 3 })
    const handles = await mill.enqueueMany(many(60), { atomic: true })
    await world.ended(handles.map(({ id }) => id))
    for (const { items } of calls) expect(new Set(items.map((n) => n % 3)).size).toBe(1)
    expect(calls.length).toBe(6)
  })

  test('where all are told apart, hardly more is claimed than can be run', async () => {
    const { world, mill, calls } = await batching(
      { size: 100, by: String, linger: 5 },
      { concurrency: 2, run: async (items, _, here) => (await here.sleep(5_000), [...items]) },
    )
    const handles = await mill.enqueueMany(many(100), { atomic: true })
    const records = await world.ended(handles.map(({ id }) => id))
    expect(calls.length).toBe(100)
    const returns = records.reduce((sum, { counters }) => sum + counters.returns, 0)
    expect(returns).toBeLessThan(500)
  })

  test('one slot each: no more calls than slots at once, in all and per queue', async () => {
    let running = 0
    let most = 0
    const { world, mill, calls } = await batching(
      { size: 5 },
      {
        concurrency: 2,
        run: async (items, _, here) => {
          most = Math.max(most, ++running)
          await here.sleep(40)
          running -= 1
          return [...items]
        },
      },
    )
    const handles = await mill.enqueueMany(many(100), { atomic: true })
    await world.ended(handles.map(({ id }) => id))
    expect(most).toBe(2)
    expect(calls.length).toBeLessThanOrEqual(24)
  })
})

describe('what becomes of each', () => {
  const answers: Record<number, unknown> = {
    1: 10,
    2: fail('empty'),
    3: fail(new NonRetryableError('never')),
    4: fail(new RetryAfterError('10s')),
    5: fail(new SnoozeError('20s')),
    6: new Date(0),
    7: fail(undefined),
  }

  test('an answer each: a result, a failure with or without another attempt, or what is no result', async () => {
    const { world, mill } = await batching(
      { size: 7 },
      { run: (items) => items.map((n) => answers[n] as number) },
    )
    const inputs = Object.keys(answers).map(Number)
    const handles = await mill.enqueueMany(
      inputs.map((n) => embed.with(n, { retry: { attempts: 2, backoff: 'fixed', base: '1h' } })),
      { atomic: true },
    )
    await world.time.advance(500)
    const records = await world.store.get(handles.map(({ id }) => id))
    const seen = records.map((record) => [record!.state, record!.reason, record!.counters.failures])
    expect(seen).toEqual([
      ['succeeded', null, 0],
      ['pending', null, 1],
      ['failed', 'error', 1],
      ['pending', null, 1],
      ['pending', null, 0],
      ['failed', 'invalid', 0],
      ['pending', null, 1],
    ])
    expect(records[1]!.error?.message).toBe('empty')
    expect(records[3]!.runAt - (await world.store.now())).toBeLessThan(10_001)
    expect(records[4]!.counters.snoozes).toBe(1)
  })

  test('what it throws fails each by its own policy', async () => {
    const { world, mill } = await batching(
      { size: 2 },
      {
        run: () => {
          throw new Error('down')
        },
      },
    )
    const handles = await mill.enqueueMany(
      [embed.with(1, { retry: false }), embed.with(2, { retry: { delays: ['1h'] } })],
      { atomic: true },
    )
    await world.time.advance(300)
    const [first, second] = await world.store.get(handles.map(({ id }) => id))
    expect(first).toMatchObject({ state: 'failed', reason: 'error', error: { message: 'down' } })
    expect(second).toMatchObject({ state: 'pending', counters: { failures: 1 } })
  })

  test.each([
    ['too few', () => [1]],
    ['too many', () => [1, 2, 3]],
    ['no list', () => 'done'],
  ])('%s answers belong to nobody', async (_, run) => {
    const { world, mill } = await batching({ size: 2 }, { run: run as never })
    const handles = await mill.enqueueMany(many(2), { atomic: true })
    const records = await world.ended(handles.map(({ id }) => id))
    for (const record of records) {
      expect(record).toMatchObject({ state: 'failed', reason: 'invalid' })
      expect(record.error?.message).toMatch(/for 2 tasks/)
    }
  })

  test('an input that its schema refuses, or `by` fails on, is not passed on', async () => {
    const positive: Schema<number> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) =>
          typeof value === 'number' && value >= 0 ? { value } : { issues: [{ message: 'negative' }] },
      },
    }
    const strict = defineTask('strict', { input: positive, output: unchecked<number>(), retry: false })
    const world = new World()
    const mill = world.mill()
    const calls: (readonly number[])[] = []
    const by = (n: number): number => {
      if (n === 13) throw new Error('unlucky')
      return n === 14 ? (undefined as unknown as number) : 1
    }
    const worker = mill.worker({
      handlers: strict.batch({ size: 10, by }, (items) => (calls.push(items), [...items])),
    })
    const ids = []
    for (const n of [1, 2, 13, 14]) ids.push((await mill.enqueue(strict, n)).id)
    await world.settle(worker.start())
    const records = await world.ended(ids)
    expect(calls).toEqual([[1, 2]])
    expect(records.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'failed', 'failed'])
    expect(records[2]!.error?.message).toBe('unlucky')
    expect(records[3]!.error?.message).toMatch(/`by` of the batch of strict answered undefined/)
  })
})

describe('beside other handlers', () => {
  test.each([
    ['short', 0],
    ['long', 1_000],
  ])('%s ones and batches both get their turns', async (_, ms) => {
    const world = new World()
    const mill = world.mill()
    const order: string[] = []
    const worker = mill.worker({
      concurrency: 2,
      handlers: [
        embed.batch({ size: 10, linger: 0 }, async (items) => {
          order.push('batch')
          await world.sleep(ms)
          return [...items]
        }),
        plain.handler(async () => {
          order.push('plain')
          if (ms > 0) await world.sleep(ms)
        }),
      ],
    })
    const batched = await mill.enqueueMany(many(100), { atomic: true })
    const others = await mill.enqueueMany(
      Array.from({ length: ms === 0 ? 2_000 : 20 }, (_unused, n) => plain.with(n)),
      { atomic: true },
    )
    await world.settle(worker.start())
    await world.ended([...batched, ...others].map(({ id }) => id))
    expect(order.filter((what) => what === 'batch').length).toBe(10)
    const half = order.slice(0, order.length / 2)
    expect(half.filter((what) => what === 'batch').length).toBeGreaterThan(3)
    expect(half.filter((what) => what === 'plain').length).toBeGreaterThan(3)
  })

  test('a batch gets its turn among tasks that are so short that no slot is ever free', async () => {
    const world = new World()
    const mill = world.mill()
    const order: string[] = []
    const worker = mill.worker({
      concurrency: 4,
      handlers: [
        embed.batch({ size: 10 }, (items) => (order.push('batch'), [...items])),
        plain.handler(() => (order.push('plain'), world.sleep(1))),
      ],
    })
    await mill.enqueueMany(
      Array.from({ length: 4_000 }, (_unused, n) => plain.with(n)),
      { atomic: true },
    )
    await world.settle(worker.start())
    await world.time.until(() => order.length > 1_000, 60_000)
    const batched = await mill.enqueueMany(many(50), { atomic: true })
    await world.ended(batched.map(({ id }) => id))
    expect(order.filter((what) => what === 'batch').length).toBeLessThan(8)
    expect(order.length).toBeLessThan(2_500)
  })

  test('batches that wait long for others keep only one slot', async () => {
    const world = new World()
    const mill = world.mill()
    const worker = mill.worker({
      concurrency: 4,
      handlers: [
        embed.batch({ size: 100, linger: '50s', by: (n) => n % 10 }, (items) => [...items]),
        plain.handler(() => world.sleep(100)),
      ],
    })
    await world.settle(worker.start())
    const batched = await mill.enqueueMany(many(20), { atomic: true })
    await world.time.advance(1_000)
    const others = await mill.enqueueMany(
      Array.from({ length: 60 }, (_unused, n) => plain.with(n)),
      { atomic: true },
    )
    // three slots for 60 of 100 ms
    await world.ended(
      others.map(({ id }) => id),
      5_000,
    )
    const records = await world.ended(batched.map(({ id }) => id))
    for (const { counters } of records) expect(counters).toMatchObject({ claims: 1, returns: 0 })
  })

  test('a worker that runs until it is idle runs both', async () => {
    const world = new World()
    const mill = world.mill()
    let runs = 0
    const worker = mill.worker({
      handlers: [
        embed.batch({ size: 4 }, (items) => ((runs += items.length), [...items])),
        plain.handler(() => void runs++),
      ],
    })
    await mill.enqueueMany([...many(10), plain.with(1)], { atomic: true })
    await world.settle(worker.run({ until: 'idle' }))
    expect(runs).toBe(11)
  })
})

test.each([
  ['no size', {}, /size is undefined/],
  ['a size of 0', { size: 0 }, /size is 0/],
  ['a size of 1 001', { size: 1_001 }, /size is 1001/],
  ['a linger of an hour', { size: 1, linger: '1h' }, /linger is 3600000 ms/],
  ['no duration', { size: 1, linger: 'soon' }, /which is no duration/],
  ['`by` that is no function', { size: 1, by: 'model' }, /by is "model"/],
  ['an unknown option', { size: 1, ligner: 5 }, /no "ligner"/],
  ['null', null, /options of the batch of embed are null/],
])('%s is refused', (_, options, message) => {
  expect(() => embed.batch(options as never, (items) => [...items])).toThrow(message)
})
