/** Circuit breakers of definitions: opened by failures, tried by probes, closed by their success. */
import { expect, test } from 'vitest'
import {
  defineTask,
  unchecked,
  type BreakerOptions,
  type BreakerOutcome,
  type Mill,
  type Worker,
} from '../../src/index.ts'
import { World } from './world.ts'

class Dependency {
  up = true
  readonly calls: number[] = []
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  async call(): Promise<void> {
    this.calls.push(this.#world.time.nowMs)
    await this.#world.sleep(10)
    if (!this.up) throw new Error('503')
  }

  since(atMs: number): number {
    return this.calls.filter((at) => at >= atMs).length
  }
}

function taskOf(dependency: Dependency, options: object = {}) {
  const task = defineTask('charge', {
    input: unchecked<number>(),
    retry: { attempts: 1_000, backoff: 'fixed', base: '1s' },
    breaker: { name: 'bank', share: 0.5, of: 10, within: '1m', open: '30s', probes: 2, ...options },
  })
  return { task, handler: task.handler(() => dependency.call()) }
}

interface Rig {
  readonly world: World
  readonly dependency: Dependency
  readonly mill: Mill
  readonly worker: Worker
  readonly ids: readonly string[]
}

async function rig(options: object = {}, tasks = 200): Promise<Rig> {
  const world = new World()
  const dependency = new Dependency(world)
  const { task, handler } = taskOf(dependency, options)
  const mill = world.mill()
  const worker = mill.worker({ handlers: handler, concurrency: 5 })
  dependency.up = false
  const handles = await world.settle(
    mill.enqueueMany(
      Array.from({ length: tasks }, (_, n) => task.with(n)),
      { atomic: true },
    ),
  )
  await world.settle(worker.start())
  return { world, dependency, mill, worker, ids: handles.map(({ id }) => id) }
}

async function stateOf(mill: Mill): Promise<string | undefined> {
  return (await mill.breakers.list()).find(({ name }) => name === 'bank')?.state
}

test('enough failures open it, and nothing is started while it is open', async () => {
  const { world, dependency, mill } = await rig()
  await world.time.advance(2_000)
  expect(await stateOf(mill)).toBe('open')
  const calls = dependency.calls.length
  expect(calls).toBeGreaterThanOrEqual(10)
  expect(calls).toBeLessThan(40)
  const openedAt = world.time.nowMs
  await world.time.advance(25_000)
  expect(dependency.since(openedAt)).toBe(0)
})

test('after its time some probes run, and their failure opens it again', async () => {
  const { world, dependency, mill } = await rig()
  await world.time.advance(5_000)
  const from = world.time.nowMs
  await world.time.advance(60_000)
  expect(dependency.since(from)).toBeGreaterThanOrEqual(2)
  expect(dependency.since(from)).toBeLessThan(30)
  expect(await stateOf(mill)).toBe('open')
})

test('when the dependency is back the probes close it, and everything runs', async () => {
  const { world, dependency, mill, ids } = await rig()
  await world.time.advance(5_000)
  dependency.up = true
  const records = await world.ended(ids)
  expect(records.every(({ state }) => state === 'succeeded')).toBe(true)
  expect(await stateOf(mill)).toBe('closed')
})

test('no attempt is burnt while it is open', async () => {
  const { world, dependency, ids } = await rig()
  await world.time.advance(300_000)
  dependency.up = true
  const records = await world.ended(ids)
  const failures = records.reduce((sum, { counters }) => sum + counters.failures, 0)
  expect(failures).toBeLessThan(120)
})

test('errors that say nothing of the dependency do not count', async () => {
  const { world, mill } = await rig({ counts: (error: unknown) => !String(error).includes('503') })
  await world.time.advance(5_000)
  expect(await stateOf(mill)).toBeUndefined()
})

test('it can be tripped and reset by hand, for all workers', async () => {
  const { world, dependency, mill } = await rig({ of: 1_000 }, 20)
  dependency.up = true
  await world.settle(mill.breakers.trip('bank', { for: '10m' }))
  expect(await mill.limits.list()).toEqual([])
  await world.time.advance(5_000)
  const from = world.time.nowMs
  await world.time.advance(60_000)
  expect(dependency.since(from)).toBe(0)
  expect(await stateOf(mill)).toBe('open')
  await world.settle(mill.breakers.reset('bank'))
  await world.time.advance(10_000)
  expect(await stateOf(mill)).toBe('closed')
  expect(dependency.since(from)).toBe(20)
})

test('a worker that saw no failure goes by what another one decided', async () => {
  const { world, dependency, mill } = await rig()
  await world.time.advance(5_000)
  const { handler } = taskOf(dependency)
  const other = world.mill().worker({ handlers: handler, concurrency: 50 })
  await world.settle(other.start())
  const from = world.time.nowMs
  await world.time.advance(20_000)
  expect(dependency.since(from)).toBe(0)
  dependency.up = true
  await world.time.advance(120_000)
  expect(await stateOf(mill)).toBe('closed')
})

test('a strategy of the user decides in the place of the share', async () => {
  const seen: number[] = []
  const trips = (outcomes: readonly BreakerOutcome[]): boolean => {
    seen.push(outcomes.length)
    expect(outcomes.every(({ agoMs }) => agoMs >= 0)).toBe(true)
    return outcomes.length >= 3 && outcomes.slice(-3).every(({ failed }) => failed)
  }
  const { world, dependency, mill } = await rig({ trips, of: 1_000 })
  await world.time.advance(2_000)
  expect(await stateOf(mill)).toBe('open')
  expect(dependency.calls.length).toBeLessThan(15)
  expect(seen.toSorted((a, b) => a - b)).toEqual(seen)
})

test.each([
  ['a strategy that fails is told of, and the share decides', 'trips'],
  ['what counts may fail: then that is told, and the error counts', 'counts'],
])('%s', async (_, option) => {
  const { world, mill, worker } = await rig({
    [option]: () => {
      throw new Error('a slip')
    },
  })
  const errors: unknown[] = []
  worker.on('error', ({ error }) => errors.push(error))
  await world.time.advance(2_000)
  expect(await stateOf(mill)).toBe('open')
  expect(errors[0]).toMatchObject({ message: 'a slip' })
})

test('a handler that ignores the end of its time counts as a failure, whenever it comes back', async () => {
  const world = new World()
  const mill = world.mill()
  const task = defineTask('charge', {
    input: unchecked<number>(),
    timeout: '1s',
    breaker: { name: 'bank', of: 3, open: '1h' },
  })
  const worker = mill.worker({ handlers: task.handler(() => world.sleep(60_000)), concurrency: 3 })
  await world.settle(worker.start())
  await world.settle(Promise.all([1, 2, 3].map((n) => mill.enqueue(task, n))))
  await world.time.advance(5_000)
  expect(await stateOf(mill)).toBe('open')
})

test('what began before it opened is no probe', async () => {
  const world = new World()
  const mill = world.mill()
  let isOver = false
  let probes = 0
  const task = defineTask('charge', {
    input: unchecked<number>(),
    retry: { attempts: 1_000, backoff: 'fixed', base: '1s' },
    breaker: { name: 'bank', share: 0.5, of: 4, open: '30s', probes: 2 },
  })
  const handler = task.handler(async (n) => {
    if (n < 6) return world.sleep(20_000)
    // of the probes only the first has luck, and is quick
    const place = isOver ? ++probes : 0
    await world.sleep(place > 1 ? 3_000 : 10)
    if (place !== 1) throw new Error('503')
  })
  const worker = mill.worker({ handlers: handler, concurrency: 10 })
  await world.settle(
    mill.enqueueMany(
      Array.from({ length: 100 }, (_, n) => task.with(n)),
      { atomic: true },
    ),
  )
  await world.settle(worker.start())
  await world.time.advance(25_000)
  expect(await stateOf(mill)).toBe('open')
  isOver = true
  const states = new Set<string | undefined>()
  for (let n = 0; n < 200; n++) {
    await world.time.advance(100)
    states.add(await stateOf(mill))
  }
  expect(probes).toBeGreaterThanOrEqual(2)
  expect(states).not.toContain('closed')
})

test('the first probe that fails opens it again, whoever runs it', async () => {
  const { world, dependency, worker } = await rig({ probes: 1 })
  await world.time.advance(5_000)
  await world.settle(worker.stop())
  const { handler } = taskOf(dependency, { probes: 1 })
  const other = world.mill().worker({ handlers: handler, concurrency: 5 })
  await world.settle(other.start())
  const from = world.time.nowMs
  await world.time.advance(45_000)
  expect(dependency.since(from)).toBe(1)
})

test('one definition says when it opens, and the others name it', async () => {
  const world = new World()
  const handlerOf = (type: string, options: object) =>
    defineTask(type, { input: unchecked<number>(), breaker: { name: 'bank', ...options } }).handler(() => {
      throw new Error('503')
    })
  const mill = world.mill()
  expect(() =>
    mill.worker({ handlers: [handlerOf('a', { share: 0.1 }), handlerOf('b', { share: 0.9 })] }),
  ).toThrow(/declare the breaker bank differently/)
  const named = handlerOf('a', {})
  const worker = mill.worker({ handlers: [named, handlerOf('b', { of: 3 })] })
  await world.settle(worker.start())
  await world.settle(Promise.all([1, 2, 3, 4].map((n) => mill.enqueue(named.task, n))))
  await world.time.advance(500)
  expect(await stateOf(mill)).toBe('open')
  await world.settle(worker.stop())
})

test.each<[string, Partial<BreakerOptions>, RegExp]>([
  ['more outcomes than are kept', { of: 1_001 }, /breaker.of is 1001/],
  ['a window of nothing', { within: 0 }, /breaker.within is 0/],
  ['no time to stay open', { open: '0ms' }, /breaker.open is/],
])('refused when it is defined: %s', (_, options, message) => {
  expect(() =>
    defineTask('t', { input: unchecked<number>(), breaker: { name: 'bank', ...options } }),
  ).toThrow(message)
})
