/** What operators want of a worker, from outside: drain, stop, resize. */
import { expect, test } from 'vitest'
import { defineTask, unchecked, type Mill, type Worker, type WorkerOptions } from '../../src/index.ts'
import { World, type Line } from './world.ts'

const job = defineTask('job', { input: unchecked<number>(), timeout: false })

interface Shop {
  readonly world: World
  readonly line: Line
  readonly mill: Mill
  readonly worker: Worker
  readonly session: string
  readonly running: () => number
}

/** A worker that is told from another process, and tasks that take so long. */
async function shop(tookMs: number, tasks: number, options: Partial<WorkerOptions> = {}): Promise<Shop> {
  const world = new World()
  const line = world.line()
  let running = 0
  const handler = job.handler(async () => {
    running += 1
    await world.sleep(tookMs)
    running -= 1
  })
  const worker = world.mill(line).worker({ handlers: handler, concurrency: 2, ...options })
  await world.settle(worker.start())
  const mill = world.mill()
  if (tasks > 0)
    await world.settle(
      mill.enqueueMany(
        Array.from({ length: tasks }, (_, n) => job.with(n)),
        { atomic: true },
      ),
    )
  await world.time.advance(100)
  const [status] = await mill.workers.list()
  return { world, line, mill, worker, session: status!.session, running: () => running }
}

test('a drained worker claims nothing more, and ends when what runs has ended, however late', async () => {
  const { world, mill, worker, session, running } = await shop(600_000, 5)
  const over = worker.run()
  await world.settle(mill.workers.drain(session))
  expect(await mill.workers.list()).toMatchObject([{ state: 'running', order: { end: 'drain' } }])
  await world.time.advance(5_000)
  expect(await mill.workers.list()).toMatchObject([{ state: 'draining', running: 2 }])
  await world.time.advance(500_000)
  expect(running()).toBe(2)
  const [status] = await mill.workers.list()
  expect(status!.since - status!.openedAt).toBe(5_000)
  await world.settle(over, 600_000)
  expect(await mill.workers.list()).toEqual([])
  const [queue] = await mill.queues.list()
  expect(queue?.counts).toMatchObject({ succeeded: 2, ready: 3, running: 0 })
})

test('a stopped worker has its drain time, and gives back what is left', async () => {
  const { world, mill, worker, session } = await shop(600_000, 2, { drain: '10s' })
  const over = worker.run()
  await world.settle(mill.workers.stop(session))
  await world.settle(over, 5_000 + 10_000 + 4_000)
  expect((await mill.queues.list())[0]?.counts).toMatchObject({ ready: 2, running: 0 })
})

test('a drain becomes a stop when that is asked for, by whatever way', async () => {
  for (const how of ['order', 'process'] as const) {
    const { world, mill, worker, session } = await shop(600_000, 2, { drain: '10s' })
    const over = worker.run()
    await world.settle(mill.workers.drain(session))
    await world.time.advance(60_000)
    if (how === 'order') await world.settle(mill.workers.stop(session))
    else void worker.stop()
    await world.settle(over, 5_000 + 10_000 + 4_000)
    expect((await mill.queues.list())[0]?.counts).toMatchObject({ ready: 2, running: 0 })
  }
})

test('a worker that has nothing to do ends at once', async () => {
  const { world, line, mill, worker, session } = await shop(1, 0)
  const over = worker.run()
  await world.settle(mill.workers.drain(session))
  await world.settle(over, 5_100)
  expect(line.count('openSession')).toBe(1)
})

test('a resized worker runs as many as it is told, up and down', async () => {
  const { world, mill, worker, session, running } = await shop(1_000, 2_000)
  expect(running()).toBe(2)
  await world.settle(mill.workers.resize(session, 20))
  await world.time.advance(7_000)
  expect(running()).toBe(20)
  expect(await mill.workers.list()).toMatchObject([
    { concurrency: 20, order: { end: null, concurrency: 20 } },
  ])
  await world.settle(mill.workers.resize(session, 1))
  await world.time.advance(7_000)
  expect(running()).toBe(1)
  expect(await mill.workers.list()).toMatchObject([{ concurrency: 1, state: 'running' }])
  await world.settle(worker.stop())
})

test('queues with slots of their own keep them', async () => {
  const { world, mill, worker, session, running } = await shop(1_000, 200, {
    queues: { default: 3 },
    concurrency: 2,
  })
  await world.settle(mill.workers.resize(session, 20))
  await world.time.advance(7_000)
  expect(running()).toBe(3)
  await world.settle(worker.stop())
})

test('a new session of the worker keeps the size, and has no orders', async () => {
  const { world, line, mill, worker, session, running } = await shop(1_000, 2_000)
  await world.settle(mill.workers.resize(session, 5))
  await world.time.advance(6_000)
  await world.store.closeSession(session)
  await world.time.advance(10_000)
  const [status] = await mill.workers.list()
  expect(status).toMatchObject({ concurrency: 5, order: null })
  expect(status!.session).not.toBe(session)
  expect(running()).toBeGreaterThanOrEqual(5)
  expect(line.count('openSession')).toBe(3)
  await world.settle(worker.stop())
})

test('a worker that is gone is told nothing, and so is who asks', async () => {
  const { world, mill, worker, session } = await shop(1, 0)
  await world.settle(worker.stop())
  for (const tell of [
    () => mill.workers.drain(session),
    () => mill.workers.stop(session),
    () => mill.workers.resize(session, 3),
  ])
    expect(await world.refusal(tell())).toMatchObject({
      code: 'not-found',
      message: `There is no worker ${session}.`,
    })
})

test.each([
  ['an id that is none', (mill: Mill) => mill.workers.drain('1234')],
  ['a number', (mill: Mill) => mill.workers.stop(7 as never)],
  ['no slots', (mill: Mill) => mill.workers.resize('00000000-0000-7000-8000-000000000000', 0)],
  ['too many', (mill: Mill) => mill.workers.resize('00000000-0000-7000-8000-000000000000', 10_001)],
])('%s is refused before anything is written', async (_, tell) => {
  const world = new World()
  const line = world.line()
  await expect(tell(world.mill(line))).rejects.toMatchObject({ code: 'invalid-argument' })
  expect(line.calls).toEqual([])
})
