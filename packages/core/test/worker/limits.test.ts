/** Partitions, limits and their declarations, as workers on virtual time go by them. */
import { expect, test } from 'vitest'
import { defineTask, RetryAfterError, unchecked } from '../../src/index.ts'
import { World } from './world.ts'
import type { Mill } from '../../src/index.ts'

interface Call {
  readonly account: string
  readonly n: number
}

/** Handlers that take a while, and how many of them were under way at once under each key. */
class Crowd {
  readonly most = new Map<string, number>()
  readonly starts: { readonly key: string; readonly atMs: number }[] = []
  readonly #world: World
  readonly #now = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  async enter(key: string, ms: number): Promise<void> {
    const now = (this.#now.get(key) ?? 0) + 1
    this.#now.set(key, now)
    this.most.set(key, Math.max(now, this.most.get(key) ?? 0))
    this.starts.push({ key, atMs: this.#world.time.nowMs })
    await this.#world.sleep(ms)
    this.#now.set(key, this.#now.get(key)! - 1)
  }
}

const calls = (accounts: readonly string[], each: number): Call[] =>
  Array.from({ length: each }, (_, n) => accounts.map((account) => ({ account, n }))).flat()

async function limitOf(mill: Mill, name: string): Promise<object | undefined> {
  return (await mill.limits.list()).find((limit) => limit.name === name)
}

test('what a definition declares holds across workers, for each key', async () => {
  const world = new World()
  const crowd = new Crowd(world)
  const task = defineTask('call', {
    input: unchecked<Call>(),
    limits: [{ name: 'api', key: (input) => input.account, concurrency: 3 }],
  })
  const mills = [world.mill(), world.mill()]
  const handles = await world.settle(
    mills[0]!.enqueueMany(
      calls(['a', 'b'], 30).map((input) => task.with(input)),
      { atomic: true },
    ),
  )
  for (const mill of mills) {
    const worker = mill.worker({
      concurrency: 20,
      handlers: task.handler(({ account }) => crowd.enter(account, 500)),
    })
    await world.settle(worker.start())
  }
  await world.ended(handles.map(({ id }) => id))
  expect(crowd.most).toEqual(
    new Map([
      ['a', 3],
      ['b', 3],
    ]),
  )
  expect(await limitOf(mills[0]!, 'api')).toMatchObject({
    allowance: { concurrency: 3, rate: null },
    by: 'code',
  })
})

test('a slot that is given back is taken at once by a worker that waits for it', async () => {
  const world = new World()
  const crowd = new Crowd(world)
  const task = defineTask('call', { input: unchecked<Call>(), limits: [{ name: 'api', concurrency: 1 }] })
  const mill = world.mill()
  const handles = await world.settle(
    mill.enqueueMany(
      calls(['a'], 20).map((input) => task.with(input)),
      { atomic: true },
    ),
  )
  const worker = mill.worker({ handlers: task.handler(({ account }) => crowd.enter(account, 100)) })
  await world.settle(worker.start())
  await world.ended(handles.map(({ id }) => id))
  const [first, last] = [crowd.starts[0]!.atMs, crowd.starts.at(-1)!.atMs]
  expect(crowd.most.get('a')).toBe(1)
  expect(last - first).toBeLessThan(19 * 100 + 19 * 20)
})

test('a rate spreads the starts, and nobody asks in vain', async () => {
  const world = new World()
  const crowd = new Crowd(world)
  const line = world.line()
  const task = defineTask('call', {
    input: unchecked<Call>(),
    limits: [{ name: 'api', rate: { limit: 10, per: '1s', burst: 2 } }],
  })
  const mill = world.mill(line)
  const handles = await world.settle(
    mill.enqueueMany(
      calls(['a'], 32).map((input) => task.with(input)),
      { atomic: true },
    ),
  )
  const worker = mill.worker({ handlers: task.handler(({ account }) => crowd.enter(account, 1)) })
  await world.settle(worker.start())
  await world.ended(handles.map(({ id }) => id))
  const times = crowd.starts.map(({ atMs }) => atMs - crowd.starts[0]!.atMs)
  expect(times.at(-1)! / 1_000).toBeGreaterThan(2.9)
  expect(times.at(-1)! / 1_000).toBeLessThan(3.6)
  for (const from of times) {
    const inOneSecond = times.filter((at) => at >= from && at < from + 1_000).length
    expect(inOneSecond).toBeLessThanOrEqual(12)
  }
  expect(line.count('exchange')).toBeLessThan(150)
})

test('what users put goes before what code declares, and lasts until they take it away', async () => {
  const world = new World()
  const task = defineTask('call', { input: unchecked<Call>(), limits: [{ name: 'api', concurrency: 3 }] })
  const mill = world.mill()
  await world.settle(mill.limits.put('api', { concurrency: 7 }))
  const start = async (): Promise<void> => {
    const worker = mill.worker({ handlers: task.handler(() => undefined) })
    await world.settle(worker.start())
    await world.settle(worker.stop())
  }
  await start()
  expect(await limitOf(mill, 'api')).toMatchObject({ allowance: { concurrency: 7 }, by: 'user' })
  await world.settle(mill.limits.remove('api'))
  expect(await limitOf(mill, 'api')).toBeUndefined()
  await start()
  expect(await limitOf(mill, 'api')).toMatchObject({ allowance: { concurrency: 3 }, by: 'code', version: 1 })
  await start()
  expect(await limitOf(mill, 'api')).toMatchObject({ version: 1 })
})

test('a key that a handler has shut keeps nobody from declaring the limit', async () => {
  const world = new World()
  const mill = world.mill()
  const named = defineTask('call', { input: unchecked<Call>(), limits: [{ name: 'api' }] })
  await world.settle(mill.enqueue(named, { account: 'a', n: 1 }))
  const first = mill.worker({
    handlers: named.handler(() => {
      throw new RetryAfterError('10m', 'too many requests', { scope: { limit: 'api' } })
    }),
  })
  await world.settle(first.start())
  await world.time.advance(100)
  await world.settle(first.stop())
  expect(await limitOf(mill, 'api')).toMatchObject({ version: 0 })
  const task = defineTask('call', { input: unchecked<Call>(), limits: [{ name: 'api', concurrency: 3 }] })
  const worker = mill.worker({ handlers: task.handler(() => undefined) })
  await world.settle(worker.start())
  expect(await limitOf(mill, 'api')).toMatchObject({ allowance: { concurrency: 3 }, by: 'code', version: 1 })
  await world.settle(worker.stop())
})

test('code that declares something else than before is heeded', async () => {
  const world = new World()
  const mill = world.mill()
  for (const concurrency of [3, 5]) {
    const task = defineTask('call', { input: unchecked<Call>(), limits: [{ name: 'api', concurrency }] })
    const worker = mill.worker({ handlers: task.handler(() => undefined) })
    await world.settle(worker.start())
    await world.settle(worker.stop())
    expect(await limitOf(mill, 'api')).toMatchObject({ allowance: { concurrency } })
  }
})

test('a handler that was told to wait makes others wait, too', async () => {
  const world = new World()
  const started: { account: string; atMs: number }[] = []
  const task = defineTask('call', {
    input: unchecked<Call>(),
    limits: [{ name: 'api', key: (input) => input.account }],
  })
  const mill = world.mill()
  const handles = await world.settle(
    mill.enqueueMany(
      calls(['a', 'b'], 4).map((input) => task.with(input)),
      { atomic: true },
    ),
  )
  let told = false
  const worker = mill.worker({
    concurrency: 1,
    handlers: task.handler(({ account }) => {
      started.push({ account, atMs: world.time.nowMs })
      if (account !== 'a' || told) return
      told = true
      throw new RetryAfterError('30s', 'too many requests', { scope: { limit: 'api' } })
    }),
  })
  await world.settle(worker.start())
  await world.ended(handles.map(({ id }) => id))
  const firstA = started.find(({ account }) => account === 'a')!.atMs
  const laterA = started.filter(({ account, atMs }) => account === 'a' && atMs > firstA)
  expect(Math.min(...laterA.map(({ atMs }) => atMs)) - firstA).toBeGreaterThanOrEqual(30_000)
  const lastB = Math.max(...started.filter(({ account }) => account === 'b').map(({ atMs }) => atMs))
  expect(lastB - firstA).toBeLessThan(5_000)
})

test('what a handler asks for holds, whatever else cannot be made of its input', async () => {
  const world = new World()
  const started: number[] = []
  const fail = (): string => {
    throw new Error('a slip')
  }
  const task = defineTask('call', {
    input: unchecked<Call>(),
    partition: fail,
    limits: [
      { name: 'api' },
      { name: 'other', key: ({ account }) => (started.length === 0 ? account : fail()) },
    ],
  })
  const mill = world.mill()
  const worker = mill.worker({
    handlers: task.handler(({ account }) => {
      started.push(world.time.nowMs)
      if (started.length > 1) return
      throw new RetryAfterError('30s', 'too many requests', {
        scope: { limit: account === 'a' ? 'api' : 'other' },
      })
    }),
  })
  await world.settle(worker.start())
  for (const account of ['a', 'b']) {
    started.length = 0
    const { id } = await world.settle(mill.enqueue(task, { account, n: 1 }, { partition: 'mine' }))
    await world.ended([id])
    expect(started[1]! - started[0]!).toBeGreaterThanOrEqual(30_000)
  }
})

test('a scope that is none of the task fails the attempt, and says so', async () => {
  const world = new World()
  const task = defineTask('call', { input: unchecked<Call>(), retry: false })
  const mill = world.mill()
  const handle = await world.settle(mill.enqueue(task, { account: 'a', n: 1 }))
  const worker = mill.worker({
    handlers: task.handler(() => {
      throw new RetryAfterError('30s', 'too many requests', { scope: { limit: 'api' } })
    }),
  })
  await world.settle(worker.start())
  const [record] = await world.ended([handle.id])
  expect(record!.error).toMatchObject({
    message: expect.stringContaining('no limit that is called') as string,
  })
})

test('partitions of very different load get the same, and the smallest one waits little', async () => {
  const world = new World()
  const started: { tenant: string; atMs: number }[] = []
  const task = defineTask('job', {
    input: unchecked<{ tenant: string }>(),
    partition: (input) => input.tenant,
  })
  const mill = world.mill()
  const enqueue = (tenant: string, count: number): Promise<unknown> =>
    world.settle(
      mill.enqueueMany(
        Array.from({ length: count }, () => task.with({ tenant })),
        { atomic: true },
      ),
    )
  await enqueue('huge', 2_000)
  await enqueue('large', 500)
  await enqueue('tiny', 5)
  const worker = mill.worker({
    concurrency: 5,
    handlers: task.handler(async ({ tenant }) => {
      started.push({ tenant, atMs: world.time.nowMs })
      await world.sleep(20)
    }),
  })
  await world.settle(worker.start())
  await world.time.until(() => started.length >= 600, 600_000)
  await world.settle(worker.stop({ drain: 0 }))
  const share = (tenant: string, from: number, to: number): number =>
    started.slice(from, to).filter((one) => one.tenant === tenant).length
  expect(share('tiny', 0, 40)).toBe(5)
  expect(Math.abs(share('huge', 100, 500) - share('large', 100, 500))).toBeLessThanOrEqual(20)
})

test('a partition in strict order runs one by one, whatever happens to its tasks', async () => {
  const world = new World()
  const order: number[] = []
  let inside = 0
  const task = defineTask('step', {
    input: unchecked<{ account: string; n: number }>(),
    partition: { key: (input) => input.account, fifo: true },
    retry: { attempts: 3, backoff: 'fixed', base: '1s' },
  })
  const mill = world.mill()
  const handles = await world.settle(
    mill.enqueueMany(
      calls(['a'], 20).map((input) => task.with(input)),
      { atomic: true },
    ),
  )
  const failed = new Set<number>()
  const worker = mill.worker({
    concurrency: 10,
    handlers: task.handler(async ({ n }) => {
      inside += 1
      expect(inside).toBe(1)
      await world.sleep(10)
      inside -= 1
      if (n % 5 === 0 && !failed.has(n)) {
        failed.add(n)
        throw new Error('once')
      }
      order.push(n)
    }),
  })
  await world.settle(worker.start())
  await world.ended(handles.map(({ id }) => id))
  expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n))
})
