/** Batches whose time is over, that are cancelled, lost or given back; and what each of their tasks can do by itself. */
import { describe, expect, test } from 'vitest'
import { defineTask, fail, unchecked, type BatchContext } from '../../src/index.ts'
import { batching, embed, many, type Run } from './batching.ts'
import { World } from './world.ts'

const plain = defineTask('plain', { input: unchecked<number>() })

describe('time, cancelling, and leases', () => {
  const waiting = (got: BatchContext[]): Run => {
    return async (items, ctx, world) => {
      got.push(ctx)
      await Promise.race([world.sleep(30_000), aborted(ctx.signal)])
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
    const { world, mill } = await batching(
      { size: 2 },
      {
        run: async (items, ctx, world) => {
          await world.sleep(30_000)
          return items.map((n, index) => (ctx.items[index]!.signal.aborted ? fail('gave way') : n))
        },
      },
    )
    const handles = await mill.enqueueMany(many(2), { atomic: true })
    await world.time.advance(1_000)
    await handles[0]!.cancel()
    const records = await world.ended(handles.map(({ id }) => id))
    expect(records.map(({ state }) => state)).toEqual(['cancelled', 'succeeded'])
  })

  test('at the time limit the signal is aborted, and what does not give way is decided without it', async () => {
    const { world, mill } = await batching(
      { size: 2 },
      { run: async (items, _, world) => (await world.sleep(600_000), [...items]) },
    )
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
    const lost: string[] = []
    const { world, line, mill, worker } = await batching(
      { size: 2 },
      { run: async (items, _, world) => (await world.sleep(20_000), [...items]) },
    )
    worker.on('lost', ({ task }) => lost.push(task.id))
    const handles = await mill.enqueueMany(many(2), { atomic: true })
    await world.time.advance(500)
    line.keep('renew', async (pass) => {
      const answer = await pass()
      const fence = line
        .requests('renew')
        .at(-1)!
        .held?.find((held) => held.fence.task === handles[0]!.id)?.fence
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
    const { world, mill, worker, calls } = await batching(
      { size: 3, linger: '1m' },
      { run: async (items, _, world) => (await world.sleep(2_000), [...items]) },
    )
    const handles = await mill.enqueueMany(many(4), { atomic: true })
    await world.time.until(() => calls.length > 0, 1_000)
    await world.settle(worker.stop())
    const records = await world.store.get(handles.map(({ id }) => id))
    expect(records.map((record) => record!.state)).toEqual(['succeeded', 'succeeded', 'succeeded', 'pending'])
    expect(records[3]!.counters).toMatchObject({ returns: 1, failures: 0 })
  })

  test('a shutdown that does not wait aborts the signal, and returns all', async () => {
    const got: BatchContext[] = []
    const { world, mill, worker } = await batching({ size: 3 }, { run: waiting(got) })
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
