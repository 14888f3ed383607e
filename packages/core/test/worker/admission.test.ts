import { expect, test } from 'vitest'
import {
  defineTask,
  MemoryStore,
  Mill,
  systemPlatform,
  unchecked,
  type WorkerEvents,
} from '../../src/index.ts'
import { handlers, inProcess } from './isolated/handlers.mjs'
import { silent, World } from './world.ts'

const job = defineTask('job', { input: unchecked<number>() })

test('a worker whose budget is spent uses fewer slots, one at least, and says so', async () => {
  const world = new World()
  const mill = world.mill()
  let [running, most] = [0, 0]
  const handler = job.handler(async () => {
    most = Math.max(most, (running += 1))
    await world.sleep(100)
    running -= 1
  })
  // any process takes more than that
  const worker = mill.worker({ handlers: handler, concurrency: 8, budget: { memoryMb: 1 } })
  const changes: WorkerEvents['throttled'][] = []
  worker.on('throttled', (change) => changes.push(change))
  await world.settle(worker.start())
  await world.settle(mill.call(job, 0, { within: '1s' }))
  await world.time.advance(3_500)
  most = 0
  expect(changes.map(({ slots, slotsMax }) => [slots, slotsMax])).toEqual([
    [4, 8],
    [2, 8],
    [1, 8],
  ])
  expect(changes[0]!.memoryMb).toBeGreaterThan(1)
  const handles = await world.settle(Promise.all(Array.from({ length: 20 }, (_, n) => mill.enqueue(job, n))))
  await world.ended(handles.map(({ id }) => id))
  expect(most).toBe(1)
  await world.settle(mill.close())
})

test('within its budget a worker uses all its slots', async () => {
  const world = new World()
  const mill = world.mill()
  let [running, most] = [0, 0]
  const handler = job.handler(async () => {
    most = Math.max(most, (running += 1))
    await world.sleep(100)
    running -= 1
  })
  const worker = mill.worker({ handlers: handler, concurrency: 8, budget: { memoryMb: 1e9 } })
  await world.settle(worker.start())
  await world.settle(mill.call(job, 0, { within: '1s' }))
  await world.time.advance(3_500)
  const handles = await world.settle(Promise.all(Array.from({ length: 20 }, (_, n) => mill.enqueue(job, n))))
  await world.ended(handles.map(({ id }) => id))
  expect(most).toBe(8)
  await world.settle(mill.close())
})

// on the real clock, with a real process
test('what its child processes take counts towards the budget of a worker', async () => {
  const mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger: silent })
  const module = new URL('./isolated/handlers.mjs', import.meta.url)
  const worker = mill.worker({ handlers, isolates: { module }, concurrency: 8, budget: { cpu: 0.5 } })
  const throttled = new Promise<number>((resolve) => {
    worker.on('throttled', ({ cpu }) => resolve(cpu))
  })
  await worker.start()
  const [begunMs, before] = [performance.now(), process.cpuUsage()]
  await mill.enqueue(inProcess, { act: 'spin' })
  expect(await throttled).toBeGreaterThan(0.5)
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1_000 / (performance.now() - begunMs)).toBeLessThan(0.5)
  await mill.close({ drain: 0 })
})
