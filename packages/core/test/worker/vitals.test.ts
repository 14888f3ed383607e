/** What a worker says of itself: health, metrics, and the watchdog that sees that it makes progress. */
import { describe, expect, test } from 'vitest'
import { defineTask, StoreError, unchecked, type Worker, type WorkerEvents } from '../../src/index.ts'
import { statusOf, type Condition, type WorkerState } from '../../src/worker/health.ts'
import { World, type Line } from './world.ts'

const job = defineTask('job', { input: unchecked<number>(), retry: { delays: ['1s'] } })
const away = new StoreError('store-unavailable', 'away', { effect: 'none' })

describe('the status', () => {
  const well: Condition = { phase: 'working', storeIsDown: false, hasLease: true, stall: undefined }
  test.each<[condition: Partial<Condition>, status: WorkerState, reasons: number]>([
    [{}, 'ok', 0],
    [{ phase: 'starting', hasLease: false }, 'starting', 1],
    [{ phase: 'starting', hasLease: false, storeIsDown: true }, 'starting', 2],
    [{ phase: 'draining' }, 'draining', 1],
    [{ phase: 'draining', storeIsDown: true, hasLease: false }, 'draining', 3],
    [{ phase: 'stopped', storeIsDown: true, hasLease: false }, 'stopped', 1],
    [{ storeIsDown: true }, 'store-down', 1],
    [{ storeIsDown: true, hasLease: false, stall: 'It stands.' }, 'store-down', 3],
    [{ hasLease: false }, 'stalled', 1],
    [{ stall: 'It stands.' }, 'stalled', 1],
  ])('%j is %s', (condition, status, reasons) => {
    const answer = statusOf({ ...well, ...condition })
    expect([answer.status, answer.reasons.length]).toEqual([status, reasons])
  })
})

interface Shop {
  readonly world: World
  readonly line: Line
  readonly worker: Worker
  readonly errors: WorkerEvents['error'][]
}

async function shop(handle: Parameters<typeof job.handler>[0] = () => undefined): Promise<Shop> {
  const world = new World()
  const line = world.line()
  const worker = world.mill(line).worker({ handlers: job.handler(handle), concurrency: 2 })
  const errors: WorkerEvents['error'][] = []
  worker.on('error', (error) => errors.push(error))
  return { world, line, worker, errors }
}

test('health follows a worker through its life', async () => {
  const { world, worker } = await shop(() => world.sleep(20_000))
  expect(worker.health()).toMatchObject({
    status: 'starting',
    renewedAt: null,
    claimedAt: null,
    freeSlots: 2,
  })
  await world.settle(worker.start())
  await world.time.advance(10)
  const answered = worker.health()
  expect(answered).toMatchObject({ status: 'ok', reasons: [], claimedAt: null, running: 0 })
  expect(answered.answeredAt).not.toBeNull()
  await world.settle(world.mill().enqueue(job, 1))
  await world.time.advance(6_000)
  const running = worker.health()
  expect(running).toMatchObject({ status: 'ok', running: 1, freeSlots: 1, concurrency: 2 })
  expect(running.claimedAt!.getTime()).toBeLessThanOrEqual(running.answeredAt!.getTime())
  expect(running.renewedAt!.getTime() - answered.renewedAt!.getTime()).toBeGreaterThanOrEqual(5_000)
  const stopping = worker.stop()
  expect(worker.health()).toMatchObject({ status: 'draining', running: 1 })
  await world.settle(stopping)
  expect(worker.health()).toMatchObject({ status: 'stopped', running: 0, renewedAt: null })
})

test('health says when the store is down, and when it is back', async () => {
  const { world, line, worker } = await shop()
  await world.settle(worker.start())
  const methods = [
    ...(['exchange', 'renew', 'now', 'openSession', 'reclaim', 'sweep', 'deliver', 'prune'] as const),
    ...([
      'acquireLock',
      'renewLock',
      'dueSchedules',
      'waitingRoutes',
      'dueSoon',
      'sessions',
      'usage',
    ] as const),
  ] as const
  for (const method of methods) line.keep(method, () => Promise.reject<never>(away))
  await world.time.advance(20_000)
  expect(worker.health()).toMatchObject({ status: 'store-down' })
  for (const method of methods) line.free(method)
  await world.time.advance(10_000)
  expect(worker.health()).toMatchObject({ status: 'ok', reasons: [] })
  await world.settle(worker.stop())
})

test('metrics count what became of tasks, and how long they took', async () => {
  const { world, line, worker } = await shop(async (n) => {
    await world.sleep(n)
    if (n === 300) throw new Error('it broke')
  })
  await world.settle(worker.start())
  const mill = world.mill()
  const drafts = [1, 1, 40, 300].map((n) => job.with(n))
  const handles = await world.settle(mill.enqueueMany(drafts, { atomic: true }))
  await world.ended(handles.map(({ id }) => id))
  await world.time.advance(100)
  const { attempts, slots, exchanges, ...counts } = worker.metrics()
  expect(counts).toMatchObject({
    claimed: 5,
    succeeded: 3,
    failed: 1,
    retried: 1,
    cancelled: 0,
    lost: 0,
    crashes: 0,
  })
  expect(attempts.count).toBe(5)
  expect(attempts.totalMs).toBeGreaterThanOrEqual(642)
  const atMost = (ms: number): number => attempts.buckets.find(({ atMostMs }) => atMostMs === ms)!.count
  expect([atMost(1), atMost(25), atMost(50), atMost(250), atMost(500), atMost(300_000)]).toEqual([
    2, 2, 3, 3, 5, 5,
  ])
  expect(slots).toEqual({ busy: 0, total: 2 })
  expect(exchanges).toBe(line.count('exchange'))
  await world.settle(worker.stop())
})

test('metrics count what was taken over from the dead, and what was lost', async () => {
  const { world, worker } = await shop(() => world.sleep(60_000))
  const other = world.mill().worker({ handlers: job.handler(() => undefined) })
  await world.settle(worker.start())
  await world.settle(world.mill().enqueue(job, 1))
  await world.time.advance(100)
  await world.settle(other.start())
  const [session] = await world.store.sessions()
  await world.store.closeSession(session!.session)
  await world.time.advance(60_000)
  expect(other.metrics()).toMatchObject({ crashes: 1, claimed: 1, succeeded: 1 })
  expect(worker.metrics()).toMatchObject({ lost: 1, succeeded: 0 })
  await world.settle(Promise.all([worker.stop(), other.stop()]))
})

describe('the watchdog', () => {
  /** The store goes on answering everything but exchanges. */
  async function hung(): Promise<Shop> {
    const made = await shop()
    await made.world.settle(made.worker.start())
    made.line.keep('exchange', () => new Promise(() => undefined))
    return made
  }

  test('a store that answers everything but claims: connections are made anew, then it is an error', async () => {
    const { world, line, worker, errors } = await hung()
    await world.settle(world.mill().enqueue(job, 1))
    await world.time.advance(50_000)
    expect([line.count('reconnect'), line.count('waitingRoutes')]).toEqual([0, expect.any(Number)])
    await world.time.advance(40_000)
    expect(line.count('reconnect')).toBe(1)
    expect(worker.health().status).not.toBe('stalled')
    await world.time.advance(90_000)
    expect(line.count('reconnect')).toBe(1)
    const stalls = errors.filter(({ error }) => (error as { code?: string }).code === 'stalled')
    expect(stalls).toMatchObject([{ doing: 'claiming tasks' }])
    expect(worker.health()).toMatchObject({
      status: 'stalled',
      reasons: [
        expect.stringMatching(/^Work is due, slots are free, and no claim was answered for \d+ s\.$/),
      ],
    })
  })

  test('where that helps the work goes on, and nothing is said', async () => {
    const { world, line, worker, errors } = await hung()
    const handle = await world.settle(world.mill().enqueue(job, 1))
    line.keep('reconnect', async (pass) => {
      line.free('exchange')
      await pass()
    })
    await world.ended([handle.id], 200_000)
    expect(line.count('reconnect')).toBe(1)
    await world.time.advance(200_000)
    expect(line.count('reconnect')).toBe(1)
    expect(worker.health()).toMatchObject({ status: 'ok', reasons: [] })
    expect(errors.filter(({ error }) => (error as { code?: string }).code === 'stalled')).toEqual([])
    await world.settle(worker.stop())
  })

  test.each<[what: string, arrange: (made: Shop) => Promise<unknown>]>([
    ['nothing is due', async () => undefined],
    [
      'the work is for others',
      ({ world }) => world.mill().enqueue(defineTask('other', { input: unchecked() }), 1),
    ],
    [
      'the queue is paused',
      async ({ world }) => {
        const mill = world.mill()
        await mill.enqueue(job, 1)
        await mill.queues.pause('default')
      },
    ],
  ])('%s: silence is no stall', async (_, arrange) => {
    const made = await hung()
    await made.world.settle(arrange(made))
    await made.world.time.advance(300_000)
    expect(made.line.count('reconnect')).toBe(0)
  })

  test('what the store holds back is its decision: it answers, so nothing stands still', async () => {
    const { world, line, worker } = await shop()
    const mill = world.mill()
    await world.settle(worker.start())
    await world.settle(mill.enqueue(job, 1))
    line.keep('exchange', async (pass, request) => ({
      ...(await pass({ ...request, demand: null })),
      claims: [],
    }))
    await world.time.advance(300_000)
    expect(line.count('reconnect')).toBe(0)
    expect(worker.health().status).toBe('ok')
    await world.settle(worker.stop())
  })

  test('a worker without room expects no answer', async () => {
    const { world, line, worker } = await shop(() => world.sleep(1_000_000))
    await world.settle(worker.start())
    await world.settle(
      world.mill().enqueueMany(
        [1, 2, 3].map((n) => job.with(n)),
        { atomic: true },
      ),
    )
    await world.time.advance(300_000)
    expect(line.count('reconnect')).toBe(0)
    await world.settle(worker.stop({ drain: 0 }))
  })
})
