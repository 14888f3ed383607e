/** Leases that are lost, workers that die, answers that never come. */
import { describe, expect, test } from 'vitest'
import { defineTask, StoreError, unchecked, type AbortError, type Worker } from '../../src/index.ts'
import { NO_FAULTS, simulateProcess } from '../../src/simulation/index.ts'
import { jumpy, silent, World } from './world.ts'

const job = defineTask('job', { input: unchecked<number>(), retry: { delays: ['1s'] } })
const away = new StoreError('store-unavailable', 'away', { effect: 'unknown' })

function lostEvents(worker: Worker): string[] {
  const lost: string[] = []
  worker.on('lost', ({ task }) => void lost.push(task.id))
  return lost
}

describe('a worker whose renewals fail', () => {
  test('fences itself in time: signal, throwIfLost, nothing written; then it goes on under a new session', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    const told: unknown[] = []
    let first = true
    const worker = mill.worker({
      lease: '3s',
      handlers: job.handler(async (_, ctx) => {
        if (!first) return 'done'
        first = false
        ctx.signal.addEventListener('abort', () =>
          told.push([world.time.nowMs, (ctx.signal.reason as AbortError).reason]),
        )
        await world.sleep(10_000)
        expect(() => ctx.throwIfLost()).toThrow('lost')
        await ctx.checkpoint('late').catch((error: { code: string }) => told.push(error.code))
        ctx.progress(1)
        ctx.log.info('late')
        return 'late'
      }),
    })
    const lost = lostEvents(worker)
    await world.settle(worker.start())
    const { id } = await mill.enqueue(job, 1)
    line.keep('renew', () => Promise.reject(away))
    await world.time.advance(2_699)
    expect(told).toEqual([])
    await world.time.advance(1)
    expect(told).toEqual([[2_700, 'lost']])
    expect(lost).toEqual([id])
    line.free('renew')
    const [record] = await world.ended([id])
    expect(record).toMatchObject({
      state: 'succeeded',
      result: '"done"',
      counters: { crashes: 1, claims: 2, failures: 0 },
    })
    await world.time.advance(20_000)
    expect(told).toEqual([[2_700, 'lost'], 'fenced'])
    expect(await world.record(id)).toMatchObject({
      result: '"done"',
      progress: null,
      logs: [],
      checkpoint: null,
    })
    expect(lost).toEqual([id])
  })

  test('sees it at once where it looks, after the machine slept', async () => {
    const world = new World()
    const platform = jumpy(world.time.platform())
    const mill = world.mill(undefined, { platform })
    const seen: unknown[] = []
    const worker = mill.worker({
      handlers: job.handler(async (_, ctx) => {
        await world.sleep(100)
        platform.jumpMs = 3_600_000
        try {
          ctx.throwIfLost()
        } catch (error) {
          seen.push((error as { code: string }).code, ctx.signal.aborted)
        }
      }),
    })
    await world.settle(worker.start())
    await mill.enqueue(job, 1)
    await world.time.advance(101)
    expect(seen).toEqual(['fenced', true])
  })
})

test('claims that arrive after their lease was lost are not run, but given back', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const started: number[] = []
  const worker = mill.worker({
    lease: '3s',
    handlers: job.handler(() => void started.push(world.time.nowMs)),
  })
  await world.settle(worker.start())
  await world.time.advance(100)
  line.keep('renew', () => Promise.reject(away))
  line.keep('openSession', () => Promise.reject(away))
  line.keep('exchange', async (pass, request) => {
    const answer = await pass()
    if (request.demand !== null) await world.sleep(2_850)
    return answer
  })
  const { id } = await mill.enqueue(job, 1)
  await world.time.advance(2_851) // lost at 2 700, the claim arrives at 2 950, the lease lapses at 3 000
  expect(await world.record(id)).toMatchObject({ state: 'pending', counters: { returns: 1, crashes: 0 } })
  expect(started).toEqual([])
  line.free('renew')
  line.free('openSession')
  line.free('exchange')
  await world.ended([id])
  expect(started.length).toBe(1)
})

test('what is settled as its lease is lost still counts, as long as its fence stands', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const worker = mill.worker({ lease: '3s', handlers: job.handler(() => world.sleep(2_600)) })
  const lost = lostEvents(worker)
  await world.settle(worker.start())
  line.keep('renew', () => Promise.reject(away))
  const { id } = await mill.enqueue(job, 1)
  await world.time.advance(1)
  line.keep('exchange', async (pass) => {
    await world.sleep(200)
    return pass()
  })
  await world.time.advance(3_000)
  expect(await world.record(id)).toMatchObject({ state: 'succeeded', counters: { claims: 1 } })
  expect(lost).toEqual([])
})

test('a note that is stale tells the handler at once, and the task is let go', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  let reason: unknown
  const worker = mill.worker({
    handlers: job.handler(async (_, ctx) => {
      await world.sleep(1_000)
      await ctx.checkpoint(1).catch(() => undefined)
      reason = (ctx.signal.reason as AbortError | undefined)?.reason
    }),
  })
  const lost = lostEvents(worker)
  await world.settle(worker.start())
  const { id } = await mill.enqueue(job, 1)
  await world.time.advance(500)
  const [own] = await world.store.sessions()
  await world.store.closeSession(own!.session)
  const session = '00000000-0000-4000-8000-00000000beef'
  await world.store.openSession({ ...own!, session, ttlMs: 60_000, definitions: [] })
  await world.store.reclaim({ session, nonce: 'ffffffffffffffff', again: false, tasksMax: 10, graceMs: 0 })
  await world.time.advance(510)
  expect([reason, lost]).toEqual(['lost', [id]])
})

test('a success that comes too late is a lost event, and nobody’s success', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const worker = mill.worker({ handlers: job.handler(() => world.sleep(1_000)) })
  const lost = lostEvents(worker)
  let succeeded = 0
  worker.on('succeeded', () => void succeeded++)
  await world.settle(worker.start())
  const { id } = await mill.enqueue(job, 1)
  await world.time.advance(500)
  await mill.tasks.cancel(id)
  const [own] = await world.store.sessions()
  const session = '00000000-0000-4000-8000-00000000beef'
  await world.store.openSession({ ...own!, session, ttlMs: 60_000, definitions: [] })
  line.keep('renew', () => new Promise(() => undefined))
  await world.store.reclaim({ session, nonce: 'ffffffffffffffff', again: false, tasksMax: 10, graceMs: 0 })
  await world.time.advance(510)
  expect([lost, succeeded]).toEqual([[id], 0])
})

describe('exchanges that fail', () => {
  test('are repeated as they were, so that nothing that was done is lost, and nothing is claimed twice', async () => {
    const world = new World()
    const line = world.line()
    const errors: string[] = []
    const mill = world.mill(line)
    let runs = 0
    const worker = mill.worker({ handlers: job.handler(() => ++runs) })
    worker.on('error', ({ doing }) => void errors.push(doing))
    await world.settle(worker.start())
    let losses = 3
    line.keep('exchange', async (pass) => {
      const answer = await pass()
      if (losses-- > 0) throw away
      return answer
    })
    const { id } = await mill.enqueue(job, 1)
    const [record] = await world.ended([id])
    await world.time.advance(2_000)
    expect([runs, record!.counters, errors]).toMatchObject([1, { claims: 1, returns: 0 }, []])
    const repeats = line.requests('exchange').filter(({ again }) => again)
    expect(repeats.length).toBe(3)
    for (const { nonce } of repeats)
      expect(line.requests('exchange').filter((request) => request.nonce === nonce)[0]!.again).toBe(false)
  })

  test('a refusal is told, and tried again until it is taken', async () => {
    const world = new World()
    const line = world.line()
    const errors: string[] = []
    const mill = world.mill(line)
    const worker = mill.worker({ handlers: job.handler(() => 'done') })
    worker.on('error', ({ doing, error }) => void errors.push(`${doing}: ${(error as Error).message}`))
    await world.settle(worker.start())
    let refusals = 3
    line.keep('exchange', (pass, { settlements }) =>
      settlements.length > 0 && refusals-- > 0
        ? Promise.reject(new StoreError('store-full', 'full', { effect: 'final' }))
        : pass(),
    )
    await world.ended([(await mill.enqueue(job, 1)).id])
    expect(errors).toEqual(Array(3).fill('settling and claiming tasks: full'))
  })
})

test('a dead worker’s tasks are taken over within its lease and two seconds, counted and backed off', async () => {
  const world = new World()
  const starts: number[] = []
  const doomed = simulateProcess({
    time: world.time,
    random: world.random,
    store: world.store,
    faults: () => NO_FAULTS,
  })
  const handlers = job.handler(async () => {
    starts.push(world.time.nowMs)
    await world.sleep(3_600_000)
  })
  const first = world.mill(undefined, { platform: doomed.platform }).worker({ handlers })
  await world.settle(first.start())
  const producer = world.mill()
  const { id } = await producer.enqueue(job, 1)
  await world.time.advance(1_000)
  const others = [1, 2].map(() => world.mill().worker({ handlers, lease: '3s' }))
  for (const worker of others) await world.settle(worker.start())
  await world.time.advance(14_000)
  doomed.kill()
  const killedAt = world.time.nowMs
  expect(starts.length).toBe(1)
  await world.time.until(() => starts.length === 2, 60_000)
  expect(starts[1]! - killedAt).toBeLessThanOrEqual(17_000)
  expect(await world.record(id)).toMatchObject({
    counters: { crashes: 1, failures: 0, claims: 2 },
    error: { name: 'WorkerLostError' },
  })
})

test('crashes are counted, backed off from the second on, and convict nobody', async () => {
  const world = new World()
  const mill = world.mill()
  const { id } = await mill.enqueue(job, 1)
  let crashes = 0
  const gaps: number[] = []
  for (; crashes < 5; crashes++) {
    const doomed = simulateProcess({
      time: world.time,
      random: world.random,
      store: world.store,
      faults: () => NO_FAULTS,
    })
    let startedMs = 0
    const handlers = job.handler(() => {
      startedMs = world.time.nowMs
      doomed.kill()
      return world.sleep(3_600_000)
    })
    const aliveMs = world.time.nowMs
    const worker = world
      .mill(undefined, { platform: doomed.platform, logger: silent })
      .worker({ handlers, lease: '1s' })
    void worker.start()
    await world.time.until(() => startedMs > 0, 600_000)
    gaps.push(startedMs - aliveMs)
    await world.time.advance(1_500)
    const helper = world
      .mill()
      .worker({ handlers: defineTask('other', { input: unchecked<number>() }).handler(() => undefined) })
    await world.settle(helper.start())
    await world.time.advance(2_000)
    await world.settle(helper.stop())
  }
  expect(await world.record(id)).toMatchObject({ state: 'pending', counters: { crashes: 5, failures: 0 } })
  expect(gaps[1]).toBeLessThanOrEqual(10)
  expect(Math.max(...gaps)).toBeGreaterThan(1_000)
  const healthy = mill.worker({ handlers: job.handler(() => 'at last') })
  await world.settle(healthy.start())
  expect((await world.ended([id]))[0]!.state).toBe('succeeded')
})
