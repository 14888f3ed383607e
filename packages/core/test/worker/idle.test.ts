/** `run({ until: 'idle' })`: until nothing is left that this worker could run, now or at a time in sight. */
import { expect, test } from 'vitest'
import { defineTask, unchecked } from '../../src/index.ts'
import { NO_FAULTS, simulateProcess } from '../../src/simulation/index.ts'
import { World } from './world.ts'

const job = defineTask('job', { input: unchecked<number>(), retry: { delays: ['10m', '10m'] } })

test('with nothing to do it ends at once', async () => {
  const world = new World()
  const line = world.line()
  await world.settle(
    world
      .mill(line)
      .worker({ handlers: job.handler(() => undefined) })
      .run({ until: 'idle' }),
  )
  expect(world.time.nowMs).toBe(0)
  expect(line.count('exchange')).toBeLessThanOrEqual(2)
})

test('children that handlers enqueue are waited for, at any speed of the store', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const world = new World()
    const line = world.line()
    for (let n = 0; n < seed; n++) world.random.bits()
    line.keep('exchange', async (pass) => {
      await world.sleep(world.random.between(0, 50))
      const answer = await pass()
      await world.sleep(world.random.between(0, 50))
      return answer
    })
    line.hints = seed % 2 === 0
    const mill = world.mill(line)
    let runs = 0
    const worker = mill.worker({
      queues: ['default', 'other'],
      concurrency: 4,
      handlers: job.handler(async (depth, ctx) => {
        runs += 1
        await world.sleep(world.random.between(0, 100))
        if (depth === 0) return
        await ctx.enqueue(job, depth - 1, { queue: depth % 2 === 0 ? 'other' : 'default' })
        await ctx.enqueue(job, depth - 1, { key: 'second' })
      }),
    })
    await mill.enqueue(job, 5)
    await world.settle(worker.run({ until: 'idle' }), 600_000)
    expect(runs).toBe(63)
  }
})

test('an answer that says nothing is left is not believed while a later one is on its way', async () => {
  const world = new World()
  const line = world.line()
  line.hints = false
  const mill = world.mill(line)
  // answers of exchanges that claim: the second one is slow, the third one slower
  const delays = [0, 1_000, 1_500]
  line.keep('exchange', async (pass, { demand }) => {
    const answer = await pass()
    if (demand !== null) await world.sleep(delays.shift() ?? 0)
    return answer
  })
  let runs = 0
  const worker = mill.worker({
    handlers: job.handler(async (depth, ctx) => {
      runs += 1
      await world.sleep(2_100) // it looks in between
      if (depth > 0) await ctx.enqueue(job, depth - 1)
    }),
  })
  await mill.enqueue(job, 2)
  await world.settle(worker.run({ until: 'idle' }), 600_000)
  expect(runs).toBe(3)
})

test('retries, delays and dependents in sight are waited for; held tasks and other types are not', async () => {
  const world = new World()
  const mill = world.mill()
  const other = defineTask('other', { input: unchecked<number>() })
  const starts: number[] = []
  const worker = mill.worker({
    handlers: job.handler((n, { attempt }) => {
      starts.push(n)
      if (n === 1 && attempt < 3) throw new Error('broken')
    }),
  })
  const first = job.with(1)
  await mill.enqueueMany([
    first,
    job.with(2, { delay: '30m' }),
    job.with(3, { after: [first] }),
    job.with(4, { held: true }),
    other.with(5),
  ])
  await world.settle(worker.run({ until: 'idle' }), 7_200_000)
  expect(starts).toEqual([1, 1, 1, 3, 2])
  expect(world.time.nowMs).toBe(1_800_000)
})

test('more dependents than one exchange tells are waited for', async () => {
  const world = new World()
  const line = world.line()
  line.hints = false
  const mill = world.mill(line)
  let runs = 0
  const worker = mill.worker({ concurrency: 50, handlers: job.handler(() => void runs++) })
  const root = job.with(0)
  await world.settle(
    mill.enqueueMany([root, ...Array.from({ length: 2_500 }, (_, n) => job.with(n, { after: [root] }))], {
      atomic: true,
    }),
  )
  await world.settle(worker.run({ until: 'idle' }), 600_000)
  expect(runs).toBe(2_501)
})

test('a worker that is started already can be run until it is idle, or is stopped', async () => {
  const world = new World()
  const mill = world.mill()
  const worker = mill.worker({ handlers: job.handler(() => undefined) })
  await world.settle(worker.start())
  await world.time.advance(500)
  const before = world.time.nowMs
  await world.settle(worker.run({ until: 'idle' }))
  expect(world.time.nowMs).toBe(before)
  const long = mill.worker({ handlers: job.handler(() => world.sleep(1_000)) })
  const run = long.run()
  await mill.enqueue(job, 1)
  await world.time.advance(500)
  void long.stop()
  await world.settle(run)
  expect(world.time.nowMs - before).toBe(1_000)
})

/** A worker that begins to run a task, and can be killed. */
async function elsewhere(world: World, handle: () => unknown, lease: '1s' | '15s' = '15s') {
  const { time, random, store } = world
  const process = simulateProcess({ time, random, store, faults: () => NO_FAULTS })
  const mill = world.mill(undefined, { platform: process.platform })
  const worker = mill.worker({ lease, concurrency: 1, handlers: job.handler(handle) })
  await world.settle(worker.start())
  const task = await world.mill().enqueue(job, 1)
  await time.advance(100)
  expect((await task.status()).state).toBe('running')
  return { id: task.id, worker, process }
}

test('what a dead worker held is taken over and finished', async () => {
  const world = new World()
  const { id, process } = await elsewhere(world, () => world.sleep(3_600_000), '1s')
  process.kill()
  const worker = world.mill().worker({ handlers: job.handler(() => 'done') })
  await world.settle(worker.run({ until: 'idle' }), 600_000)
  expect(await world.record(id)).toMatchObject({ state: 'succeeded', counters: { crashes: 1 } })
})

test('what another worker is about to give back is waited for, and asked for at a bounded pace', async () => {
  const world = new World()
  const other = await elsewhere(world, () => world.sleep(3_600_000))
  const line = world.line()
  const worker = world.mill(line).worker({ handlers: job.handler(() => 'done') })
  const run = worker.run({ until: 'idle' })
  await world.time.advance(10_000)
  expect(line.count('list')).toBeGreaterThan(10)
  expect(line.count('list')).toBeLessThanOrEqual(41)
  void other.worker.stop({ drain: 0 })
  await world.settle(run)
  expect(await world.record(other.id)).toMatchObject({ state: 'succeeded', counters: { returns: 1 } })
})

test('what others run of other types, or in other queues, is not waited for', async () => {
  const world = new World()
  await elsewhere(world, () => world.sleep(3_600_000))
  const before = world.time.nowMs
  const other = defineTask('other', { input: unchecked<number>() })
  for (const options of [
    { handlers: other.handler(() => undefined) },
    { handlers: [job.handler(() => undefined), other.handler(() => undefined)], queues: ['a', 'b'] },
  ]) {
    await world.settle(world.mill().worker(options).run({ until: 'idle' }))
  }
  expect(world.time.nowMs).toBe(before)
})
