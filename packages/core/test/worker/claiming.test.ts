/** How much is claimed and when: slots, exchanges, hints, polls, delays. */
import { describe, expect, test } from 'vitest'
import { defineTask, unchecked } from '../../src/index.ts'
import { Appetite } from '../../src/worker/appetite.ts'
import { resolveWorkerOptions, type WorkerOptions } from '../../src/worker/options.ts'
import { World } from './world.ts'

const job = defineTask('job', { input: unchecked<number>() })
const many = (n: number, options: object = {}): ReturnType<typeof job.with>[] =>
  Array.from({ length: n }, (_, i) => job.with(i, options))

describe('slots', () => {
  test.each([1, 3, 50])('concurrency %i is used, and never exceeded', async (concurrency) => {
    const world = new World()
    const mill = world.mill()
    let running = 0
    let most = 0
    const worker = mill.worker({
      concurrency,
      handlers: job.handler(async (n) => {
        running += 1
        most = Math.max(most, running)
        await world.sleep(n % 20)
        running -= 1
      }),
    })
    await world.settle(worker.start())
    const handles = await mill.enqueueMany(many(500), { atomic: true })
    await world.ended(handles.map(({ id }) => id))
    expect(most).toBe(concurrency)
  })

  test('a queue has slots of its own, also while tasks are claimed ahead', async () => {
    const world = new World()
    const mill = world.mill()
    const running: Record<string, number> = { a: 0, b: 0 }
    const most: Record<string, number> = { a: 0, b: 0 }
    const worker = mill.worker({
      queues: { a: 1, b: 4 },
      handlers: job.handler(async (_, { task: { queue } }) => {
        running[queue]! += 1
        most[queue] = Math.max(most[queue]!, running[queue]!)
        await world.sleep(1)
        running[queue]! -= 1
      }),
    })
    await world.settle(worker.start())
    const drafts = [...many(400, { queue: 'b' }), ...many(400, { queue: 'a' })]
    const handles = await mill.enqueueMany(drafts, { atomic: true })
    await world.ended(handles.map(({ id }) => id))
    expect(most).toEqual({ a: 1, b: 4 })
  })

  test('what was claimed ahead and has to wait goes back, and counts as nothing', async () => {
    const world = new World()
    const mill = world.mill()
    const worker = mill.worker({
      concurrency: 1,
      handlers: job.handler((n) => (n < 0 ? world.sleep(60_000) : undefined)),
    })
    await world.settle(worker.start())
    await world.ended((await mill.enqueueMany(many(300), { atomic: true })).map(({ id }) => id))
    const [, waiting] = await mill.enqueueMany([job.with(-1), job.with(1)], { atomic: true })
    await world.time.advance(10)
    expect((await waiting.status()).state).toBe('running')
    await world.time.advance(500)
    expect(await waiting.status()).toMatchObject({
      state: 'ready',
      counters: { returns: 1, failures: 0, crashes: 0 },
    })
    await world.time.advance(30_000)
    expect((await waiting.status()).counters.claims).toBe(1)
  })

  test('queues that are not served are left alone, and so are unknown types', async () => {
    const world = new World()
    const mill = world.mill()
    const other = defineTask('other', { input: unchecked<number>() })
    const worker = mill.worker({ handlers: job.handler(() => undefined) })
    await world.settle(worker.start())
    const [a, b] = await mill.enqueueMany([job.with(1, { queue: 'elsewhere' }), other.with(1)], {
      atomic: true,
    })
    await world.time.advance(60_000)
    expect([(await a.status()).state, (await b.status()).state]).toEqual(['ready', 'ready'])
  })
})

describe('exchanges', () => {
  test.each([
    [1_000, 10],
    [1_000, 100],
    [200, 1],
  ])('%i no-op tasks with %i slots need few', async (tasks, concurrency) => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    const handles = await world.settle(mill.enqueueMany(many(tasks), { atomic: true }))
    const worker = mill.worker({ concurrency, handlers: job.handler(() => undefined) })
    await world.settle(worker.start())
    await world.ended(handles.map(({ id }) => id))
    expect(line.count('exchange')).toBeLessThanOrEqual((2 * tasks) / concurrency + 5)
    // one settlement for each, and none twice
    const settled = line
      .requests('exchange')
      .flatMap(({ settlements }) => settlements.map(({ fence }) => fence.task))
    expect([settled.length, new Set(settled).size]).toEqual([tasks, tasks])
  })

  test('settle and claim in one', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    const handles = await mill.enqueueMany(many(100), { atomic: true })
    const worker = mill.worker({ concurrency: 5, handlers: job.handler(() => world.sleep(1_000)) })
    await world.settle(worker.start())
    await world.ended(handles.map(({ id }) => id))
    const both = line
      .requests('exchange')
      .filter(({ settlements, demand }) => settlements.length > 0 && demand !== null)
    expect(both.length).toBeGreaterThanOrEqual(19)
  })

  test('at most two are under way, and a fence has one settlement under way', async () => {
    const world = new World()
    const line = world.line()
    const underWay = new Set<string>()
    let exchanges = 0
    let most = 0
    let doubled = 0
    line.keep('exchange', async (pass, { settlements }) => {
      exchanges += 1
      most = Math.max(most, exchanges)
      for (const { fence } of settlements) {
        if (underWay.has(fence.task)) doubled += 1
        underWay.add(fence.task)
      }
      await world.sleep(world.random.between(1, 300))
      const answer = await pass()
      await world.sleep(world.random.between(1, 300))
      for (const { fence } of settlements) underWay.delete(fence.task)
      exchanges -= 1
      return answer
    })
    const mill = world.mill(line)
    const worker = mill.worker({
      handlers: job.handler(async (n, ctx) => {
        for (let step = 0; step < 10; step++) {
          ctx.progress(step / 10)
          if (n % 3 === 0) await ctx.checkpoint(step)
          await world.sleep(n % 7)
        }
      }),
    })
    await world.settle(worker.start())
    const handles = await mill.enqueueMany(many(100), { atomic: true })
    await world.ended(handles.map(({ id }) => id))
    expect([most, doubled]).toEqual([2, 0])
  })

  test('a quiet minute costs a poll every two seconds, and the upkeep', async () => {
    const world = new World()
    const line = world.line()
    const worker = world.mill(line).worker({ handlers: job.handler(() => undefined) })
    await world.settle(worker.start())
    await world.time.advance(10_000)
    line.calls.length = 0
    await world.time.advance(60_000)
    const counts = Object.groupBy(line.calls, ({ method }) => method)
    expect(line.count('exchange')).toBe(30)
    expect(line.count('renew')).toBe(12)
    expect(line.count('reclaim')).toBeLessThanOrEqual(40)
    expect(line.count('sweep')).toBeLessThanOrEqual(16)
    expect(line.count('dueSoon')).toBeLessThanOrEqual(8)
    expect(line.count('waitingRoutes')).toBeLessThanOrEqual(6)
    expect(line.count('dueSchedules')).toBe(12)
    expect(Object.keys(counts).toSorted()).toEqual([
      'deliver',
      'dueSchedules',
      'dueSoon',
      'exchange',
      'prune',
      'reclaim',
      'renew',
      'renewLock',
      'sessions',
      'sweep',
      'waitingRoutes',
    ])
  })

  test('a full worker does not ask', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    const worker = mill.worker({ concurrency: 2, handlers: job.handler(() => world.sleep(3_600_000)) })
    await world.settle(worker.start())
    await mill.enqueueMany(many(10), { atomic: true })
    await world.time.advance(10_000)
    line.calls.length = 0
    await world.time.advance(60_000)
    expect(line.count('exchange')).toBe(0)
  })

  test('large results are spread over several', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    const worker = mill.worker({ concurrency: 30, handlers: job.handler(() => 'x'.repeat(1_000_000)) })
    await world.settle(worker.start())
    const handles = await mill.enqueueMany(many(30), { atomic: true })
    await world.ended(handles.map(({ id }) => id))
    const sizes = line.requests('exchange').map(({ settlements }) => settlements.length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8)
  })
})

describe('when something becomes due', () => {
  test('delayed tasks start at their very millisecond', async () => {
    const world = new World()
    const mill = world.mill()
    const late: number[] = []
    const worker = mill.worker({
      concurrency: 1_000,
      handlers: job.handler((due) => void late.push(world.time.nowMs - due)),
    })
    await world.settle(worker.start())
    const drafts = Array.from({ length: 1_000 }, (_, n) =>
      job.with(world.time.nowMs + 5 + n * 7, { delay: 5 + n * 7 }),
    )
    const handles = await mill.enqueueMany(drafts, { atomic: true })
    await world.ended(handles.map(({ id }) => id))
    expect(new Set(late)).toEqual(new Set([0]))
  })

  test('also in one queue while another one gives nothing', async () => {
    const world = new World()
    const line = world.line()
    line.hints = false
    const slow = defineTask('slow', { input: unchecked<number>() })
    const mill = world.mill(line)
    const starts: number[] = []
    const worker = mill.worker({
      queues: { a: 1, b: 1 },
      concurrency: 2,
      handlers: [job.handler(() => void starts.push(world.time.nowMs)), slow.handler(() => world.sleep(400))],
    })
    // the exchange that asks for both finds one for now and one for later; the next one asks for one queue only
    await mill.enqueueMany([job.with(1, { queue: 'a', delay: 1_000 }), slow.with(1, { queue: 'b' })], {
      atomic: true,
    })
    await world.settle(worker.start())
    await world.time.advance(1_500)
    expect(starts).toEqual([1_000])
  })

  test('also while an exchange in between asked for another queue only', async () => {
    const world = new World()
    const mill = world.mill()
    const starts: number[] = []
    const worker = mill.worker({
      queues: { a: 1, b: 1 },
      handlers: job.handler(async (ms) => {
        starts.push(world.time.nowMs)
        await world.sleep(ms)
      }),
    })
    await mill.enqueueMany([job.with(300, { queue: 'a' }), job.with(0, { queue: 'a', delay: 1_000 })], {
      atomic: true,
    })
    await world.settle(worker.start())
    // queue a is full when this hint comes
    world.time.at(200, () => void mill.enqueue(job, 1, { queue: 'b' }))
    await world.time.advance(5_000)
    expect(starts).toEqual([0, 200, 1_000])
  })

  test('hints that are missed are made up for by a poll', async () => {
    const world = new World()
    const line = world.line()
    line.hints = false
    const worker = world.mill(line).worker({ handlers: job.handler(() => undefined) })
    await world.settle(worker.start())
    await world.time.advance(5_001)
    const { id } = await world.mill().enqueue(job, 1)
    const before = world.time.nowMs
    await world.ended([id])
    expect(world.time.nowMs - before).toBeLessThanOrEqual(2_000)
  })

  test.each([{ order: 'in order' }, { order: 'in any order' }] as const)(
    'what the process itself enqueues needs no hint: calls $order',
    async ({ order }) => {
      const world = new World()
      const line = world.line()
      line.hints = false
      line.order = order
      const mill = world.mill(line)
      const worker = mill.worker({ handlers: job.handler(() => undefined) })
      await world.settle(worker.start())
      await world.time.advance(5_001)
      line.keep('add', async (pass) => {
        const answer = await pass()
        await world.sleep(3)
        return answer
      })
      const from = line.calls.length
      const beforeMs = world.time.nowMs
      const { id } = await world.settle(mill.enqueue(job, 1))
      await world.ended([id])
      const [add, ask] = line.calls.slice(from).filter(({ method }) => method !== 'budgets')
      expect([add?.method, ask?.method]).toEqual(['add', 'exchange'])
      expect(ask!.atMs - beforeMs).toBe(order === 'in order' ? 0 : 3)
    },
  )

  test('what no handler of the process is for makes nobody ask', async () => {
    const world = new World()
    const line = world.line()
    line.hints = false
    const mill = world.mill(line)
    const worker = mill.worker({ handlers: job.handler(() => undefined) })
    await world.settle(worker.start())
    await world.time.advance(5_001)
    const asked = line.count('exchange')
    await mill.enqueue(defineTask('other', { input: unchecked<number>() }), 1)
    expect(line.count('exchange')).toBe(asked)
  })

  test('a hint is followed at once', async () => {
    const world = new World()
    const worker = world.mill().worker({ handlers: job.handler(() => undefined) })
    await world.settle(worker.start())
    await world.time.advance(5_001)
    const { id } = await world.mill().enqueue(job, 1)
    const before = world.time.nowMs
    await world.ended([id])
    expect(world.time.nowMs).toBe(before)
  })
})

describe('appetite', () => {
  const appetite = (
    load: { load?: number; byQueue?: Record<string, number>; averageMs?: number },
    options: Partial<WorkerOptions> = {},
  ): Appetite =>
    new Appetite(resolveWorkerOptions({ handlers: job.handler(() => undefined), ...options }), {
      load: load.load ?? 0,
      loadOf: (queue) => load.byQueue?.[queue] ?? load.load ?? 0,
      averageMs: load.averageMs ?? 1_000,
    })
  const nothing = { slots: 0, byQueue: new Map<string, number>(), own: 0 }

  test('while tasks are long, the free slots', () => {
    expect(appetite({ load: 3 }).demand(nothing)).toMatchObject({
      tasksMax: 7,
      types: ['job'],
      queues: [{ queue: 'default', tasksMax: 7 }],
    })
    expect(appetite({ load: 10 }).demand(nothing)).toBeNull()
    expect(
      appetite({ load: 3 }).demand({ ...nothing, slots: 7, byQueue: new Map([['default', 7]]) }),
    ).toBeNull()
  })

  test('while they are short, half of what is done in a moment, up to a bound', () => {
    expect(appetite({ averageMs: 1 }).demand(nothing)?.tasksMax).toBe(105)
    expect(appetite({ averageMs: 0 }).demand(nothing)?.tasksMax).toBe(505)
  })

  test('what is expected counts once, however many queues it may come from', () => {
    const options = { queues: ['a', 'b', 'c'], concurrency: 10 }
    const first = appetite({}, options)
    expect(
      first.demand({ ...nothing, slots: 5, byQueue: new Map(['a', 'b', 'c'].map((queue) => [queue, 5])) })
        ?.tasksMax,
    ).toBe(5)
  })

  test('no queue is always the first; a full one is left out', () => {
    const turns = appetite({ byQueue: { b: 2 } }, { queues: { a: 2, b: 2, c: 2 } })
    expect(
      [0, 1, 2].map(() =>
        turns
          .demand(nothing)!
          .queues.map(({ queue }) => queue)
          .join(''),
      ),
    ).toEqual(['ac', 'ca', 'ca'])
    const full = appetite({ byQueue: { a: 1 }, load: 1 }, { queues: { a: 1 } })
    expect(full.demand(nothing)).toBeNull()
  })

  test('slots add up to what is asked for', () => {
    const { queues } = appetite({}, { queues: ['a', 'b'], concurrency: 37 }).demand(nothing)!
    for (const { slots, tasksMax } of queues) expect(slots.reduce((sum, some) => sum + some)).toBe(tasksMax)
  })
})
