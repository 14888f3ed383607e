/** Starting and stopping: SEMANTICS 8, in order. */
import { describe, expect, test } from 'vitest'
import {
  type AbortError,
  defineTask,
  StoreError,
  unchecked,
  type Mill,
  type Worker,
  type WorkerOptions,
} from '../../src/index.ts'
import { NO_FAULTS, simulateProcess } from '../../src/simulation/index.ts'
import { World, type Line } from './world.ts'

const job = defineTask('job', { input: unchecked<number>(), retry: { delays: ['1s'] } })
const away = new StoreError('store-unavailable', 'away', { effect: 'unknown' })

interface Busy {
  readonly world: World
  readonly line: Line
  readonly mill: Mill
  readonly worker: Worker
  readonly ids: readonly string[]
}

/** A worker with one slot: one task runs, another one waits. */
async function busy(
  handle: Parameters<typeof job.handler>[0],
  options: Partial<WorkerOptions> = {},
  world = new World(),
): Promise<Busy> {
  const line = world.line()
  const mill = world.mill(line)
  const worker = mill.worker({ concurrency: 1, handlers: job.handler(handle), ...options })
  await world.settle(worker.start())
  const handles = await mill.enqueueMany([job.with(1), job.with(2)], { atomic: true })
  await world.time.advance(10)
  return { world, line, mill, worker, ids: handles.map(({ id }) => id) }
}

test('what runs may end within the drain, with its heartbeat; nothing new is claimed; then all is given back', async () => {
  const world = new World()
  const { line, worker, ids } = await busy(() => world.sleep(20_000), { lease: '3s' }, world)
  const stopping = worker.stop()
  const before = line.requests('exchange').filter(({ demand }) => demand !== null).length
  await world.settle(stopping)
  expect(world.time.nowMs).toBe(20_000)
  expect(await world.record(ids[0]!)).toMatchObject({ state: 'succeeded' })
  expect(await world.record(ids[1]!)).toMatchObject({ state: 'pending', counters: { claims: 0 } })
  expect(line.requests('exchange').filter(({ demand }) => demand !== null).length).toBe(before)
  expect(line.count('renew')).toBeGreaterThanOrEqual(19)
  const methods = line.calls.map(({ method }) => method)
  expect(methods.slice(-2)).toEqual(['exchange', 'closeSession'])
  line.calls.length = 0
  await world.time.advance(600_000)
  expect(line.calls).toEqual([])
})

test('what was claimed ahead goes back at once', async () => {
  const world = new World()
  const { mill, worker } = await busy((n) => (n < 0 ? world.sleep(30_000) : undefined), {}, world)
  await world.ended(
    (
      await mill.enqueueMany(
        Array.from({ length: 300 }, (_, n) => job.with(n)),
        { atomic: true },
      )
    ).map(({ id }) => id),
  )
  const [, queued] = await mill.enqueueMany([job.with(-1), job.with(5)], { atomic: true })
  await world.time.advance(5)
  expect((await queued.status()).state).toBe('running')
  const stopping = worker.stop()
  await world.time.advance(5)
  expect(await queued.status()).toMatchObject({ state: 'ready', counters: { returns: 1, crashes: 0 } })
  await world.settle(stopping)
})

test('after the drain the signal; who gives way is returned, without a failure', async () => {
  const world = new World()
  const reasons: unknown[] = []
  const { worker, ids } = await busy(
    (_, ctx) =>
      new Promise((_resolve, reject) =>
        ctx.signal.addEventListener('abort', () => {
          reasons.push([world.time.nowMs, (ctx.signal.reason as AbortError).reason])
          reject(new Error('giving way'))
        }),
      ),
    { drain: '10s' },
    world,
  )
  const startedMs = world.time.nowMs
  await world.settle(worker.stop())
  expect(reasons).toEqual([[startedMs + 10_000, 'shutdown']])
  expect(world.time.nowMs - startedMs).toBe(10_000)
  expect(await world.record(ids[0]!)).toMatchObject({
    state: 'pending',
    counters: { returns: 1, failures: 0, crashes: 0 },
  })
})

test('who does not give way within the grace is returned all the same, and what it does then counts for nothing', async () => {
  const world = new World()
  const codes: string[] = []
  const { worker, ids } = await busy(
    async (_, ctx) => {
      await world.sleep(60_000)
      await ctx.checkpoint('late').catch((error: { code: string }) => codes.push(error.code))
      return 'late'
    },
    { drain: '1s' },
    world,
  )
  const startedMs = world.time.nowMs
  await world.settle(worker.stop())
  expect(world.time.nowMs - startedMs).toBe(4_000)
  expect(await world.record(ids[0]!)).toMatchObject({
    state: 'pending',
    counters: { returns: 1, failures: 0, crashes: 0 },
  })
  await world.time.advance(120_000)
  expect(codes).toEqual(['fenced'])
  expect(await world.record(ids[0]!)).toMatchObject({
    state: 'pending',
    checkpoint: null,
    counters: { returns: 1 },
  })
})

test('asked once more without a drain it waits no longer', async () => {
  const world = new World()
  const { worker } = await busy(
    (_, ctx) =>
      new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(new Error('x')))),
    {},
    world,
  )
  const stopping = worker.stop()
  await world.time.advance(2_000)
  const startedMs = world.time.nowMs
  await world.settle(Promise.all([worker.stop({ drain: 0 }), stopping]))
  expect(world.time.nowMs).toBe(startedMs)
})

test('claims that arrive while it stops go back unstarted, however late', async () => {
  for (const lateMs of [50, 900, 1_500, 4_100]) {
    const world = new World()
    const started: number[] = []
    const line = world.line()
    const mill = world.mill(line)
    const worker = mill.worker({
      drain: '1s',
      handlers: job.handler(async (n) => {
        started.push(n)
        await world.sleep(60_000)
      }),
    })
    await world.settle(worker.start())
    const first = await mill.enqueue(job, 1)
    await world.time.advance(10)
    line.keep('exchange', async (pass, { demand }) => {
      const answer = await pass()
      if (demand !== null) await world.sleep(lateMs)
      return answer
    })
    const second = await mill.enqueue(job, 2)
    await world.time.advance(10)
    await world.settle(worker.stop())
    expect(started).toEqual([1])
    for (const { id } of [first, second]) {
      expect(await world.record(id)).toMatchObject({
        state: 'pending',
        counters: { returns: 1, crashes: 0, failures: 0 },
      })
    }
  }
})

test('what the upkeep takes over while it stops is settled, too', async () => {
  const world = new World()
  const doomed = simulateProcess({
    time: world.time,
    random: world.random,
    store: world.store,
    faults: () => NO_FAULTS,
  })
  const first = world
    .mill(undefined, { platform: doomed.platform })
    .worker({ lease: '1s', handlers: job.handler(() => world.sleep(3_600_000)) })
  await world.settle(first.start())
  const { id } = await world.mill().enqueue(job, 1)
  await world.time.advance(100)
  doomed.kill()
  await world.time.advance(1_000)
  const line = world.line()
  const other = defineTask('other', { input: unchecked<number>() })
  const worker = world.mill(line).worker({ handlers: other.handler(() => undefined) })
  line.keep('reclaim', async (pass) => {
    const answer = await pass()
    await world.sleep(1_000)
    return answer
  })
  await world.settle(worker.start())
  await world.time.until(() => line.count('reclaim') > 0, 10_000)
  await world.settle(worker.stop())
  expect(await world.record(id)).toMatchObject({ state: 'pending', counters: { crashes: 1 } })
})

describe('without the store', () => {
  test.each(['refuses', 'is silent'])(
    'stopping ends in bounded time, and without an error (it %s)',
    async (how) => {
      const world = new World()
      const { line, mill, worker, ids } = await busy(() => world.sleep(5_000), {}, world)
      let errors = 0
      worker.on('error', () => void errors++)
      for (const method of [
        'exchange',
        'renew',
        'reclaim',
        'sweep',
        'deliver',
        'closeSession',
        'openSession',
      ] as const) {
        line.keep(method, (): Promise<never> =>
          how === 'refuses' ? Promise.reject(away) : new Promise(() => undefined),
        )
      }
      await world.time.advance(4_000) // so that a sweep and a take-over are under way
      const startedMs = world.time.nowMs
      await world.settle(worker.stop())
      expect(world.time.nowMs - startedMs).toBeLessThanOrEqual(45_000)
      await world.settle(mill.close())
      const closedMs = world.time.nowMs
      // nobody goes on trying for ever
      await world.time.advance(60_000)
      const before = [line.calls.length, errors]
      await world.time.advance(600_000)
      expect([line.calls.length, errors]).toEqual(before)
      expect(closedMs - startedMs).toBeLessThanOrEqual(45_000)
      expect((await world.record(ids[0]!))?.state).toBe('running')
    },
  )

  test('a start that fails can be tried again; a stop after it is quiet', async () => {
    const world = new World()
    const line = world.line()
    line.keep('openSession', () => Promise.reject(away))
    const worker = world.mill(line).worker({ handlers: job.handler(() => undefined) })
    expect((await world.refusal(worker.start())).code).toBe('ambiguous')
    line.free('openSession')
    await world.settle(worker.start())
    expect(await world.store.sessions()).toHaveLength(1)
    await world.settle(worker.stop())
    line.keep('openSession', () => Promise.reject(away))
    const other = world.mill(line).worker({ handlers: job.handler(() => undefined) })
    const starting = world.refusal(other.start())
    await world.settle(other.stop())
    expect((await starting).code).toBe('ambiguous')
    await expect(other.start()).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('starting', () => {
  test('is done once; after stop it is refused', async () => {
    const world = new World()
    const line = world.line()
    const worker = world.mill(line).worker({ handlers: job.handler(() => undefined) })
    await world.settle(Promise.all([worker.start(), worker.start()]))
    expect(line.count('openSession')).toBe(1)
    await world.settle(Promise.all([worker.stop(), worker.stop()]))
    await expect(worker.start()).rejects.toMatchObject({
      code: 'closed',
      message: expect.stringContaining('worker') as unknown,
    })
    await expect(worker.run()).rejects.toMatchObject({ code: 'closed' })
    const never = world.mill(line).worker({ handlers: job.handler(() => undefined) })
    await never.stop()
    await expect(never.start()).rejects.toMatchObject({ code: 'closed' })
  })

  test('is waited for by a stop that comes meanwhile; nothing is claimed', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    await mill.enqueue(job, 1)
    line.keep('openSession', async (pass) => {
      await world.sleep(500)
      return pass()
    })
    let runs = 0
    const worker = mill.worker({ handlers: job.handler(() => void runs++) })
    const starting = worker.start()
    await world.time.advance(100)
    await world.settle(worker.stop())
    await starting
    expect([runs, line.count('exchange'), line.count('closeSession'), world.time.nowMs]).toEqual([
      0, 0, 1, 500,
    ])
  })
})

describe('a start that waits for the store', () => {
  test.each(['opening the store', 'opening a session'])(
    'is given up by a stop without a drain (%s)',
    async (what) => {
      const world = new World()
      const line = world.line()
      const method = what === 'opening the store' ? 'open' : 'openSession'
      line.keep(method, async (pass) => {
        await world.sleep(28_000)
        return pass() as never
      })
      const worker = world.mill(line).worker({ handlers: job.handler(() => undefined) })
      const starting = worker.start().catch((error: unknown) => error)
      await world.time.advance(1_000)
      const stopping = worker.stop()
      await world.time.advance(1_000)
      await world.settle(Promise.all([worker.stop({ drain: 0 }), stopping]))
      expect(world.time.nowMs).toBe(2_000)
      expect(await starting).toMatchObject({ code: 'closed' })
      line.calls.length = 0
      await world.time.advance(60_000)
      // what the store does all the same is taken back, and nothing is claimed
      expect(await world.store.sessions()).toEqual([])
      expect(line.count('exchange') + line.count('renew')).toBe(0)
    },
  )
})

test('a drain that is no duration is a rejection, and stops nothing', async () => {
  const world = new World()
  const worker = world.mill().worker({ handlers: job.handler(() => undefined) })
  await world.settle(worker.start())
  await expect(worker.stop({ drain: 'soon' as '1s' })).rejects.toMatchObject({ code: 'invalid-argument' })
  await world.settle(worker.start())
})

test('await using stops it, and closing the client does', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const use = async (): Promise<void> => {
    await using worker = mill.worker({ handlers: job.handler(() => undefined) })
    await worker.start()
  }
  await world.settle(use())
  expect(line.count('closeSession')).toBe(1)
  await world.settle(mill.worker({ handlers: job.handler(() => undefined) }).start())
  await world.settle(mill.close())
  expect(line.count('closeSession')).toBe(2)
})
