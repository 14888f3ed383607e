/** Batch handlers: what goes into one call, what each task gets out of it, and what it leaves to others. */
import { describe, expect, test } from 'vitest'
import {
  defineTask,
  fail,
  NonRetryableError,
  RetryAfterError,
  SnoozeError,
  unchecked,
  type BatchContext,
  type BatchOptions,
} from '../../src/index.ts'
import { World } from './world.ts'
import type { Schema } from '../../src/index.ts'

const embed = defineTask('embed', { input: unchecked<number>(), output: unchecked<number>() })
const plain = defineTask('plain', { input: unchecked<number>() })
const many = (n: number, options: object = {}): ReturnType<typeof embed.with>[] =>
  Array.from({ length: n }, (_, i) => embed.with(i, options))

/** A worker with a batch handler, and the calls that it got. */
async function batching(
  options: BatchOptions<number>,
  { concurrency = 10, run }: { concurrency?: number; run?: Parameters<typeof embed.batch>[1] } = {},
) {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const calls: { readonly items: readonly number[]; readonly atMs: number }[] = []
  const worker = mill.worker({
    concurrency,
    handlers: embed.batch(options, (items, ctx) => {
      calls.push({ items, atMs: world.time.nowMs })
      return run === undefined ? items.map((n) => n * 2) : run(items, ctx)
    }),
  })
  await world.settle(worker.start())
  return { world, line, mill, worker, calls }
}

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
      { concurrency: 2, run: async (items) => (await world.sleep(5_000), items.map(Number)) },
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
        run: async (items) => {
          most = Math.max(most, ++running)
          await world.sleep(40)
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

describe('time, cancelling, and leases', () => {
  const waiting = (world: () => World, got: BatchContext[] = []): Parameters<typeof embed.batch>[1] => {
    return async (items, ctx) => {
      got.push(ctx)
      await Promise.race([world().sleep(30_000), aborted(ctx.signal)])
      if (ctx.signal.aborted) throw ctx.signal.reason
      return items.map((n) => n * 2)
    }
  }
  const aborted = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

  test('one that is cancelled hears of it by itself; the others go on', async () => {
    const got: BatchContext[] = []
    const { world, mill } = await batching(
      { size: 3 },
      {
        run: async (items, ctx) => {
          got.push(ctx)
          await aborted(ctx.items[1]!.signal)
          return [...items]
        },
      },
    )
    const handles = await mill.enqueueMany(many(3), { atomic: true })
    await world.time.until(() => got.length > 0, 1_000)
    await handles[1]!.cancel('no more')
    const records = await world.ended(handles.map(({ id }) => id))
    expect(got[0]!.signal.aborted).toBe(false)
    expect(got[0]!.items.map(({ signal }) => signal.aborted)).toEqual([false, true, false])
    // it was answered all the same: its effect has happened
    expect(records.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded'])
  })

  test('one that is cancelled and gives way is cancelled', async () => {
    let here: World
    const { world, mill } = await batching(
      { size: 2 },
      {
        run: async (items, ctx) => {
          await here.sleep(30_000)
          return items.map((n, index) => (ctx.items[index]!.signal.aborted ? fail('gave way') : n))
        },
      },
    )
    here = world
    const handles = await mill.enqueueMany(many(2), { atomic: true })
    await world.time.advance(1_000)
    await handles[0]!.cancel()
    const records = await world.ended(handles.map(({ id }) => id))
    expect(records.map(({ state }) => state)).toEqual(['cancelled', 'succeeded'])
  })

  test('at the time limit the signal is aborted, and what does not give way is decided without it', async () => {
    let here: World
    const { world, mill } = await batching(
      { size: 2 },
      { run: async (items) => (await here.sleep(600_000), [...items]) },
    )
    here = world
    const handles = await mill.enqueueMany(
      [embed.with(1, { timeout: '1s', retry: false }), embed.with(2, { timeout: '20s', retry: false })],
      { atomic: true },
    )
    const [first] = await world.ended([handles[0]!.id])
    expect(first).toMatchObject({ state: 'failed', reason: 'timeout' })
    expect((await world.record(handles[1]!.id))?.state).toBe('running')
    expect((await world.ended([handles[1]!.id]))[0]).toMatchObject({ state: 'failed', reason: 'timeout' })
  })

  test('one whose lease is lost counts for nothing; the others are settled', async () => {
    let here: World
    const lost: string[] = []
    const { world, line, mill, worker } = await batching(
      { size: 2 },
      { run: async (items) => (await here.sleep(20_000), [...items]) },
    )
    here = world
    worker.on('lost', ({ task }) => lost.push(task.id))
    const handles = await mill.enqueueMany(many(2), { atomic: true })
    await world.time.advance(500)
    line.keep('renew', async (pass) => {
      const answer = await pass()
      const fence = line
        .requests('renew')
        .at(-1)!
        .held.find((held) => held.fence.task === handles[0]!.id)?.fence
      if (fence !== undefined) line.free('renew')
      return fence === undefined ? answer : { ...answer, lost: [fence] }
    })
    await world.time.until(() => lost.length > 0, 20_000)
    const [second] = await world.ended([handles[1]!.id])
    expect(lost).toEqual([handles[0]!.id])
    expect(second?.state).toBe('succeeded')
    expect((await world.record(handles[0]!.id))?.state).not.toBe('succeeded')
  })

  test('at a shutdown what is gathered goes back, and what runs is drained', async () => {
    let here: World
    const { world, mill, worker, calls } = await batching(
      { size: 3, linger: '1m' },
      { run: async (items) => (await here.sleep(2_000), [...items]) },
    )
    here = world
    const handles = await mill.enqueueMany(many(4), { atomic: true })
    await world.time.until(() => calls.length > 0, 1_000)
    await world.settle(worker.stop())
    const records = await world.store.get(handles.map(({ id }) => id))
    expect(records.map((record) => record!.state)).toEqual(['succeeded', 'succeeded', 'succeeded', 'pending'])
    expect(records[3]!.counters).toMatchObject({ returns: 1, failures: 0 })
  })

  test('a shutdown that does not wait aborts the signal, and returns all', async () => {
    let here: World
    const got: BatchContext[] = []
    const { world, mill, worker } = await batching({ size: 3 }, { run: waiting(() => here, got) })
    here = world
    const handles = await mill.enqueueMany(many(3), { atomic: true })
    await world.time.until(() => got.length > 0, 1_000)
    await world.settle(worker.stop({ drain: 0 }))
    expect(got[0]!.signal.aborted).toBe(true)
    const records = await world.store.get(handles.map(({ id }) => id))
    for (const record of records) {
      expect(record).toMatchObject({ state: 'pending', counters: { returns: 1, failures: 0 } })
    }
  })

  test('a worker that dies leaves all of its batch to another', async () => {
    const world = new World()
    const line = world.line()
    const second = world.mill()
    const hanging = world.mill(line).worker({
      lease: '2s',
      handlers: embed.batch({ size: 5 }, () => new Promise<never>(() => undefined)),
    })
    await world.settle(hanging.start())
    const handles = await second.enqueueMany(many(5), { atomic: true })
    await world.time.advance(500)
    // from now on nobody hears of it
    for (const method of ['exchange', 'renew', 'openSession', 'reclaim'] as const)
      line.keep(method, () => new Promise<never>(() => undefined))
    const worker = second.worker({ handlers: embed.batch({ size: 5 }, (items) => [...items]) })
    await world.settle(worker.start())
    const records = await world.ended(handles.map(({ id }) => id))
    for (const record of records) {
      expect(record).toMatchObject({ state: 'succeeded', counters: { crashes: 1 } })
    }
  })
})

describe('what a task of a batch can do by itself', () => {
  test('progress, logs, checkpoints, children: each under its own fence', async () => {
    const { world, mill } = await batching(
      { size: 2 },
      {
        run: async (items, ctx) => {
          for (const [index, item] of ctx.items.entries()) {
            const n = items[index]!
            item.progress(0.5, `half of ${n}`)
            item.log.info({ n }, 'here')
            await item.checkpoint({ n })
            await item.enqueue(plain, n, { key: 'child' })
          }
          return items.map((n, index) => (ctx.items[index]!.attempt === 1 ? fail('once more') : n))
        },
      },
    )
    const handles = await mill.enqueueMany(many(2), { atomic: true })
    const records = await world.ended(handles.map(({ id }) => id))
    for (const [n, record] of records.entries()) {
      expect(record).toMatchObject({ state: 'succeeded', checkpoint: JSON.stringify({ n }) })
      expect(record.progress?.message).toBe(`half of ${n}`)
      expect(record.logs.map(({ message }) => message)).toEqual(['here', 'here'])
    }
    const children = await mill.tasks.list({ type: 'plain' })
    expect(children.tasks.length).toBe(2) // idempotent over attempts
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
