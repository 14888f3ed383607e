/** The upkeep: each duty now and then, none for ever, all of them harmless together. */
import { expect, test } from 'vitest'
import { defineTask, StoreError, unchecked, type Duration } from '../../src/index.ts'
import { Caretaker } from '../../src/upkeep/caretaker.ts'
import { Connection } from '../../src/client/connection.ts'
import { silent, World, type Line } from '../worker/world.ts'
import type { DueSoon, WaitingRoute } from '../../src/store/inspection.ts'
import type { Reclaimed } from '../../src/store/port.ts'
import type { Transition } from '../../src/store/settlement.ts'

const job = defineTask('job', { input: unchecked<number>() })
const SESSION = '00000000-0000-4000-8000-00000000beef'
const profile = {
  host: 'h',
  pid: 1,
  queues: ['default'],
  types: ['job'],
  offers: [],
  concurrency: 1,
  state: 'running' as const,
  definitions: [],
}

interface Bench {
  readonly world: World
  readonly line: Line
  readonly caretaker: Caretaker
  readonly takenOver: { readonly task: Reclaimed; readonly transition: Transition }[]
  readonly failures: string[]
  readonly stranded: WaitingRoute[]
  readonly soon: DueSoon[]
  session: string | null
}

async function bench(): Promise<Bench> {
  const world = new World()
  const line = world.line()
  const takenOver: Bench['takenOver'] = []
  const failures: string[] = []
  const stranded: WaitingRoute[] = []
  const soon: DueSoon[] = []
  await world.store.openSession({ ...profile, session: SESSION, ttlMs: 86_400_000 })
  const caretaker: Caretaker = new Caretaker({
    connection: new Connection({
      store: line.store,
      platform: world.time.platform(),
      logger: silent,
      storeTimeoutMs: 15_000,
    }),
    session: () => made.session,
    leads: () => true,
    deadLetters: new Map(),
    enqueuer: { one: () => Promise.reject(new Error('nobody asks for it')) },
    takenOver: (task, transition) => void takenOver.push({ task, transition }),
    stranded: (route) => void stranded.push(route),
    dueSoon: (task) => void soon.push(task),
    failed: (_, doing) => void failures.push(doing),
  })
  const made: Bench = { world, line, caretaker, takenOver, failures, stranded, soon, session: SESSION }
  return made
}

/** Leaves so many running tasks to a session that is dead. */
async function abandon(world: World, tasks: number): Promise<void> {
  const session = '00000000-0000-4000-8000-00000000dead'
  await world.store.openSession({ ...profile, session, ttlMs: 1_000 })
  await world.settle(
    world.mill().enqueueMany(
      Array.from({ length: tasks }, (_, n) => job.with(n)),
      { atomic: true },
    ),
  )
  for (let left = tasks; left > 0; left -= 1_000) {
    const queue = { queue: 'default', slots: [0, 0, 1_000, 0, 0] as const, tasksMax: 1_000 }
    const demand = {
      types: ['job'],
      offers: [],
      queues: [queue],
      tasksMax: 1_000,
      quantum: 1,
      bytesMax: 1e9,
      cursor: null,
      turn: null,
    }
    await world.store.exchange({
      session,
      nonce: String(left).padStart(16, '0'),
      again: false,
      settlements: [],
      demand,
    })
  }
  await world.store.closeSession(session)
}

test('each duty has its own pace', async () => {
  const { world, line, caretaker } = await bench()
  caretaker.start()
  await world.time.advance(600_000)
  expect(line.count('reclaim')).toBeGreaterThanOrEqual(300)
  expect(line.count('reclaim')).toBeLessThanOrEqual(400)
  expect(line.count('sweep')).toBeGreaterThanOrEqual(120)
  expect(line.count('sweep')).toBeLessThanOrEqual(160)
  expect(line.count('prune')).toBeGreaterThanOrEqual(10)
  expect(line.count('prune')).toBeLessThanOrEqual(14)
  const at = line.calls.filter(({ method }) => method === 'reclaim').map(({ atMs }) => atMs)
  expect(Math.max(...at.slice(1).map((ms, index) => ms - at[index]!))).toBeLessThanOrEqual(2_000)
})

test('without a session nothing is taken over, the rest goes on', async () => {
  const made = await bench()
  made.session = null
  made.caretaker.start()
  await made.world.time.advance(60_000)
  expect([made.line.count('reclaim'), made.line.count('sweep') > 0]).toEqual([0, true])
})

test('however many tasks a dead worker held, they are taken over in one go', async () => {
  const { world, caretaker, takenOver } = await bench()
  await abandon(world, 1_300)
  caretaker.start()
  await world.time.advance(2_000)
  expect(takenOver.length).toBe(1_300)
  expect(new Set(takenOver.map(({ task }) => task.fence.task)).size).toBe(1_300)
  expect(takenOver[0]!.transition).toMatchObject({
    to: 'pending',
    count: 'crash',
    delayMs: null,
    error: { name: 'WorkerLostError' },
  })
})

test('a take-over whose answer is late is known to be under way', async () => {
  const { world, line, caretaker } = await bench()
  line.keep('reclaim', async (pass) => {
    await world.sleep(500)
    return pass()
  })
  caretaker.start()
  await world.time.until(() => line.count('reclaim') === 1, 10_000)
  expect(caretaker.awaiting).toEqual([line.requests('reclaim')[0]!.nonce])
  await world.time.advance(600)
  expect(caretaker.awaiting).toEqual([])
})

test('what fails is told, and tried again in its turn', async () => {
  const { world, line, caretaker, failures } = await bench()
  line.keep('sweep', () => Promise.reject(new StoreError('store-readonly', 'no', { effect: 'final' })))
  caretaker.start()
  await world.time.advance(10_500)
  expect(failures.length).toBeGreaterThanOrEqual(2)
  expect(new Set(failures)).toEqual(new Set(['sweeping']))
  line.free('sweep')
  const before = failures.length
  await world.time.advance(10_000)
  expect(failures.length).toBe(before)
})

test('told many times that there is more to deliver, it does it once', async () => {
  const { world, line, caretaker } = await bench()
  let left = 10
  line.keep('deliver', async () => {
    await world.sleep(10)
    left -= 1
    return { changed: 500, more: left > 0 }
  })
  for (let n = 0; n < 50; n++) caretaker.deliverNow()
  await world.time.advance(1_000)
  expect(line.count('deliver')).toBe(10)
  caretaker.deliverNow()
  await world.time.advance(1_000)
  expect(line.count('deliver')).toBe(11)
})

test('steps go on while there is more, but not when it stops', async () => {
  const { world, line, caretaker } = await bench()
  line.keep('deliver', async () => {
    await world.sleep(100)
    return { changed: 500, more: true }
  })
  caretaker.deliverNow()
  await world.time.advance(1_050)
  expect(line.count('deliver')).toBe(11)
  const startedMs = world.time.nowMs
  await world.settle(caretaker.stop())
  expect(world.time.nowMs - startedMs).toBeLessThanOrEqual(100)
  caretaker.deliverNow()
  caretaker.start()
  await world.time.advance(60_000)
  expect(line.count('deliver')).toBe(11)
})

test('retention is the default, with the bytes of the store', async () => {
  const { world, line, caretaker } = await bench()
  caretaker.start()
  await world.time.advance(61_000)
  expect(line.requests('prune')[0]!.retention).toEqual({
    succeededMs: 86_400_000,
    cancelledMs: 86_400_000,
    failedMs: 14 * 86_400_000,
    count: null,
    bytes: world.store.retentionBytes,
  })
})

test('several workers do no harm to each other: a task of a dead one crashes once', async () => {
  const world = new World()
  await abandon(world, 50)
  const workers = Array.from({ length: 5 }, () =>
    world.mill().worker({ concurrency: 20, handlers: job.handler(() => 'done') }),
  )
  for (const worker of workers) await world.settle(worker.start())
  const { tasks } = await world.store.list({ filter: {}, limit: 100, cursor: null })
  const records = await world.ended(tasks.map(({ id }) => id))
  for (const { state, counters } of records)
    expect([state, counters.crashes, counters.claims]).toEqual(['succeeded', 1, 2])
})

test('a blocked worker’s attempt is ended by another one', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const once = defineTask('once', { input: unchecked<number>(), retry: false, timeout: '10s' })
  // it renews its lease, but its timers never fire: as if a handler blocked the thread, and the heartbeat had its own
  const own = world.time.platform()
  const platform = {
    ...own,
    setTimer: (ms: number, run: () => void, hold: 'holds' | 'idle') =>
      own.setTimer(ms === 10_000 ? 1e9 : ms, run, hold),
  }
  const blocked = world
    .mill(undefined, { platform })
    .worker({ handlers: once.handler(() => world.sleep(3_600_000)) })
  await world.settle(blocked.start())
  const { id } = await mill.enqueue(once, 1)
  await world.time.advance(1)
  await world.settle(mill.worker({ handlers: job.handler(() => undefined) }).start())
  // its time counts from the first renewal that said that it started
  await world.time.advance(5_000 + 10_000 + 5_000 + 2_001)
  expect(await world.record(id)).toMatchObject({
    state: 'failed',
    reason: 'timeout',
    counters: { failures: 1 },
  })
})

test('tasks that no live worker can run are told of, once for as long as that lasts', async () => {
  const { world, caretaker, stranded } = await bench()
  const gpu = defineTask('gpu', { input: unchecked<number>() })
  const mill = world.mill()
  caretaker.start()
  await world.settle(mill.enqueue(job, 1))
  const [first] = await world.settle(
    mill.enqueueMany([gpu.with(1, { needs: ['cuda'] }), gpu.with(2, { needs: ['cuda'] })], { atomic: true }),
  )
  await world.time.advance(120_000)
  expect(stranded.map(({ type, needs, queue }) => [type, needs, queue])).toEqual([
    ['gpu', ['cuda'], 'default'],
  ])
  expect(stranded[0]!.dueSince).toBe((await world.record(first.id))!.runAt)
  await world.settle(mill.tasks.cancel({ type: 'gpu' }))
  await world.time.advance(60_000)
  await world.settle(mill.enqueue(gpu, 3, { needs: ['cuda'] }))
  await world.time.advance(60_000)
  expect(stranded.length).toBe(2)
})

test('tasks that are due soon are told of in time, and once', async () => {
  const { world, caretaker, soon } = await bench()
  const mill = world.mill()
  caretaker.start()
  const enqueue = (dueBy: Duration, input: number): Promise<{ readonly id: string }> =>
    world.settle(mill.enqueue(job, input, { dueBy }))
  const minute = await enqueue('1m', 1)
  await enqueue('1h', 2)
  const short = await enqueue('1s', 3)
  await world.time.advance(10_000)
  expect(soon.map(({ id }) => id)).toEqual([short.id])
  await world.time.advance(35_000)
  // 15 s ahead, at the latest
  expect(soon.map(({ id }) => id)).toEqual([short.id, minute.id])
  await world.time.advance(60_000)
  expect(soon.length).toBe(2)
})
