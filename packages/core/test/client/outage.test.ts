/** A store that is down: producers fail fast and recover by themselves, workers insist, and nothing waits for ever. */
import { expect, test } from 'vitest'
import { defineTask, StoreError, unchecked, type Logger, type Mill } from '../../src/index.ts'
import { silent, World, type Line } from '../worker/world.ts'

const job = defineTask('job', { input: unchecked<unknown>() })
const away = (effect: 'none' | 'unknown'): StoreError =>
  new StoreError('store-unavailable', 'away', { effect })

const METHODS = [
  'open',
  'add',
  'now',
  'list',
  'queues',
  'command',
  'outcomes',
  'exchange',
  'renew',
  'openSession',
  'reclaim',
  'sweep',
  'deliver',
] as const

/** From now on nobody answers. */
function goDown(line: Line, answer: () => Promise<never> = () => Promise.reject(away('none'))): void {
  for (const method of METHODS) line.keep(method, answer)
}

function comeBack(line: Line): void {
  for (const method of METHODS) line.free(method)
}

/** A client whose store counts as down. */
async function down(
  world: World,
  logger: Logger = silent,
): Promise<{ readonly mill: Mill; readonly line: Line }> {
  const line = world.line()
  const mill = world.mill(line, { logger })
  await mill.enqueue(job, 'before')
  goDown(line)
  expect(await world.refusal(mill.enqueue(job, 'first'))).toMatchObject({ code: 'store-unavailable' })
  return { mill, line }
}

test('an outage that is over soon is noticed by no caller', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  await mill.open()
  goDown(line)
  const enqueues = Array.from({ length: 50 }, (_, n) => mill.enqueue(job, n))
  await world.time.advance(4_000)
  comeBack(line)
  const handles = await world.settle(Promise.all(enqueues))
  expect(new Set(handles.map(({ outcome }) => outcome))).toEqual(new Set(['created']))
  expect(world.time.nowMs).toBeLessThanOrEqual(4_500)
})

test('while the store is down calls are refused at once, and say when it is tried next', async () => {
  const world = new World()
  const { mill, line } = await down(world)
  const atMs = world.time.nowMs
  expect(atMs).toBeLessThanOrEqual(5_600)
  const calls = line.calls.length
  for (const call of [
    () => mill.enqueue(job, 1),
    () => mill.enqueue(job, 1, { unique: { key: 'k' } }),
    () => mill.enqueueMany([job.with(1)], { atomic: true }),
    () => mill.call(job, 1, { within: '1h' }),
    () => mill.tasks.list(),
    () => mill.queues.pause('default'),
  ])
    await expect(call()).rejects.toMatchObject({
      code: 'store-unavailable',
      effect: 'none',
      message: expect.stringMatching(/^The store has been away for \d+ ms\. away$/) as unknown,
      hint: expect.stringMatching(/tried again in \d+ ms/) as unknown,
    })
  expect(await mill.enqueueMany([job.with(1), job.with(2)])).toMatchObject([
    { outcome: 'rejected', error: { code: 'store-unavailable' } },
    { outcome: 'rejected', error: { code: 'store-unavailable' } },
  ])
  expect(world.time.nowMs).toBe(atMs)
  expect(line.calls.length).toBe(calls)
  expect((await world.store.queues())[0]?.counts.ready).toBe(1)
})

test('a client recovers by itself, within a second of its store, and says so once', async () => {
  const world = new World()
  const said: string[] = []
  const say = (first: object | string, message = ''): void =>
    void said.push(typeof first === 'string' ? first : message)
  const { mill, line } = await down(world, { ...silent, warn: say, info: say })
  await world.time.advance(60_000)
  // it is asked now and then, by one probe at a time
  const probes = line.calls.filter(({ method, atMs }) => method === 'now' && atMs > 6_000).length
  expect(probes).toBeGreaterThan(50)
  expect(probes).toBeLessThan(130)
  comeBack(line)
  await world.time.advance(1_000)
  expect((await mill.enqueue(job, 'after')).outcome).toBe('created')
  expect(said).toEqual([expect.stringContaining('is away'), expect.stringContaining('is back')])
  const asked = line.count('now')
  await world.time.advance(60_000)
  expect(line.count('now')).toBe(asked)
})

test('a closed client asks no more', async () => {
  const world = new World()
  const { mill, line } = await down(world)
  await world.settle(mill.close())
  const calls = line.calls.length
  await world.time.advance(60_000)
  expect(line.calls.length).toBe(calls)
})

test('what waits for its turn is refused as soon as the store counts as down', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line, { maxPending: 10 })
  await mill.open()
  // the first two trips are in doubt, and go on; those behind them were never sent
  goDown(line, () => Promise.reject(away('unknown')))
  const inDoubt: Promise<Error>[] = []
  for (let n = 0; n < 2; n++) {
    inDoubt.push(world.refusal(mill.enqueue(job, n)))
    await world.time.advance(1)
  }
  const waiting = Array.from({ length: 8 }, (_, n) => world.refusal(mill.enqueue(job, n)))
  await expect(mill.enqueue(job, 'too many')).rejects.toMatchObject({ code: 'backpressure' })
  for (const error of await Promise.all(waiting))
    expect(error).toMatchObject({ code: 'store-unavailable', effect: 'none' })
  expect(world.time.nowMs).toBeLessThanOrEqual(5_600)
  // both trips are under way, and nobody waits for them any more
  await expect(mill.enqueue(job, 'late')).rejects.toMatchObject({ code: 'store-unavailable', effect: 'none' })
  for (const error of await Promise.all(inDoubt)) expect(error).toMatchObject({ code: 'ambiguous' })
  expect(world.time.nowMs).toBeLessThanOrEqual(15_001)
  expect(world.time.nowMs).toBeGreaterThan(14_000)
  // there is room again
  comeBack(line)
  await world.time.advance(1_000)
  const again = Array.from({ length: 10 }, (_, n) => mill.enqueue(job, n))
  await world.settle(Promise.all(again))
})

test('a store that is silent for ever keeps nobody longer than the time of a call', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line, { storeTimeout: '2s' })
  await mill.enqueue(job, 'before')
  goDown(line, () => new Promise<never>(() => undefined))
  const calls = Array.from({ length: 5 }, async (_, n) => {
    await world.sleep(n * 100)
    const begunMs = world.time.nowMs
    const error = await mill.enqueue(job, n).catch((reason: StoreError) => reason)
    return { code: (error as StoreError).code, tookMs: world.time.nowMs - begunMs }
  })
  const ended = await world.settle(Promise.all(calls))
  expect(ended.map(({ code }) => code).toSorted()).toEqual([
    'ambiguous',
    'ambiguous',
    'store-unavailable',
    'store-unavailable',
    'store-unavailable',
  ])
  for (const { tookMs } of ended) expect(tookMs).toBeLessThanOrEqual(2_000)
  const begunMs = world.time.nowMs
  expect(await world.refusal(mill.tasks.list())).toMatchObject({ code: 'store-unavailable' })
  expect(world.time.nowMs).toBe(begunMs)
  await world.settle(mill.close())
})

test('a slow store that answers is no store that is down: who waited too long for their turn was not sent', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line, { storeTimeout: '1s' })
  await mill.open()
  line.keep('add', async (pass) => {
    await world.sleep(900)
    return pass()
  })
  const settled = Array.from({ length: 3 }, async (_, n) => {
    await world.sleep(n * 10)
    return mill.enqueue(job, 'x'.repeat(900_000)).then(
      ({ outcome }) => outcome,
      (error: StoreError) => `${error.code} ${error.effect}`,
    )
  })
  // the third boards when the first two are back, and is in doubt when its time is over
  expect(await world.settle(Promise.all(settled))).toEqual(['created', 'created', 'ambiguous undefined'])
  await world.time.advance(2_000)
  expect((await world.settle(mill.enqueue(job, 1))).outcome).toBe('created')
})

test('who met a lock and is tried again has no more time for it than everybody', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  await mill.open()
  line.keep('add', async (_, { groups }) => {
    if (world.time.nowMs < 5_000) return groups.map(() => ({ outcome: 'busy' as const }))
    return new Promise<never>(() => undefined)
  })
  let tookMs = 0
  const locked = mill.enqueue(job, 1, { unique: { key: 'k' } }).catch((error: StoreError) => {
    tookMs = world.time.nowMs
    return error
  })
  expect(await world.settle(locked)).toMatchObject({ code: 'ambiguous' })
  expect(tookMs).toBe(15_000)
})

test('who was told that its time is over is not counted twice when the answer comes', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line, { storeTimeout: '1s', maxPending: 4 })
  await mill.open()
  line.keep('add', async (pass) => {
    await world.sleep(800)
    return pass()
  })
  // two travel, the next waits for them, and travels until its time is over
  const enqueue = (n: number): Promise<string> =>
    mill.enqueue(job, n).then(
      ({ outcome }) => outcome,
      (error: StoreError) => error.code,
    )
  const seen: Promise<string>[] = []
  for (let n = 0; n < 3; n++) {
    seen.push(enqueue(n))
    await world.time.advance(1)
  }
  expect(await world.settle(Promise.all(seen))).toEqual(['created', 'created', 'ambiguous'])
  await world.time.advance(2_000)
  // the bound is what it was
  const again = Array.from({ length: 5 }, (_, n) => enqueue(n))
  expect((await world.settle(Promise.all(again))).toSorted()).toEqual([
    'backpressure',
    'created',
    'created',
    'created',
    'created',
  ])
})

test('a lazy client whose store is down fails in time, and works when the store is there', async () => {
  const world = new World()
  const line = world.line()
  line.keep('open', async () => {
    await world.sleep(10_000)
    throw away('none')
  })
  const mill = world.mill(line, { storeTimeout: '3s' })
  const error = await world.refusal(mill.enqueue(job, 1))
  expect(error).toMatchObject({ code: 'store-unavailable', effect: 'none' })
  expect(world.time.nowMs).toBe(3_000)
  await expect(mill.enqueue(job, 1)).rejects.toMatchObject({ effect: 'none' })
  expect(world.time.nowMs).toBe(3_000)
  line.free('open')
  await world.time.advance(8_000)
  expect((await mill.enqueue(job, 1)).outcome).toBe('created')
})

test('what handlers enqueue while the store is away waits, and burns no attempt', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const parent = defineTask('parent', { input: unchecked<unknown>(), queue: 'parents' })
  const handler = parent.handler(async (_, ctx) => {
    goDown(line)
    world.time.at(world.time.nowMs + 8_000, () => comeBack(line))
    await world.sleep(6_000)
    await ctx.enqueue(job, 'child')
  })
  await world.settle(mill.worker({ handlers: handler, lease: '1m' }).start())
  const { id } = await world.settle(mill.enqueue(parent, 1))
  const [record] = await world.ended([id])
  expect(record).toMatchObject({ state: 'succeeded', counters: { claims: 1, failures: 0 } })
  await world.settle(mill.close())
})

test('a worker comes back within a second of its store, however long it was away', async () => {
  const world = new World()
  const line = world.line()
  line.hints = false
  const mill = world.mill(line)
  await world.settle(mill.worker({ handlers: job.handler(() => 'done') }).start())
  goDown(line)
  const { id } = await world.mill().enqueue(job, 1)
  await world.time.advance(300_000)
  comeBack(line)
  const backMs = world.time.nowMs
  const [record] = await world.ended([id])
  expect(record?.state).toBe('succeeded')
  expect(world.time.nowMs - backMs).toBeLessThanOrEqual(1_100)
  await world.settle(mill.close())
})

test.each([0, 99, 'soon', -1])('a storeTimeout of %s is refused', (storeTimeout) => {
  expect(() => new World().mill(undefined, { storeTimeout: storeTimeout as number })).toThrow('storeTimeout')
})
