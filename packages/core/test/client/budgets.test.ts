/** `mill.budgets`, and those who enqueue by them. */
import { describe, expect, test } from 'vitest'
import { defineTask, unchecked, type BackpressureError, type Mill } from '../../src/index.ts'
import { World } from '../worker/world.ts'

const job = defineTask('job', { input: unchecked<number>() })
const own = defineTask('own', {
  input: unchecked<{ of: string }>(),
  partition: { key: ({ of }) => of },
})

function enqueue(world: World, mill: Mill, times: number): Promise<unknown> {
  return world.settle(Promise.all(Array.from({ length: times }, (_, n) => mill.enqueue(job, n))))
}

describe('what a queue may hold', () => {
  test('is let in, and no more, until something has ended', async () => {
    const world = new World()
    const mill = world.mill()
    await world.settle(mill.budgets.put({ queue: 'default' }, { tasks: 3 }))
    await enqueue(world, mill, 3)
    const refusal = await world.refusal(mill.enqueue(job, 4))
    expect(refusal).toMatchObject({ code: 'backpressure', retryAfterMs: null })
    expect(refusal.message).toBe('The queue default holds 3 of 3 tasks; 1 more do not fit.')
    expect(await world.store.list({ filter: {}, limit: 10, cursor: null })).toMatchObject({
      tasks: { length: 3 },
    })
    const { tasks } = await mill.tasks.list({})
    await world.settle(mill.tasks.cancel([tasks[0]!.id]))
    await world.time.advance(51)
    await enqueue(world, mill, 1)
    await world.refusal(mill.enqueue(job, 6))
    await world.settle(mill.enqueue(job, 7, { queue: 'other' }))
  })

  test('counts bytes of payload, too', async () => {
    const world = new World()
    const mill = world.mill()
    await world.settle(mill.budgets.put({ queue: 'default' }, { bytes: 10 }))
    await world.settle(mill.enqueue(job, 12_345_678))
    const refusal = await world.refusal(mill.enqueue(job, 123))
    expect(refusal.message).toBe('The queue default holds 8 of 10 bytes of payload; 3 more do not fit.')
    await world.settle(mill.enqueue(job, 12))
  })

  test('holds within a second after somebody else has said so', async () => {
    const world = new World()
    const [mill, other] = [world.mill(), world.mill()]
    await enqueue(world, mill, 5)
    await world.settle(other.budgets.put({ queue: 'default' }, { tasks: 5 }))
    await world.time.advance(1_001)
    await enqueue(world, mill, 1) // learns of it by the way
    expect((await world.refusal(mill.enqueue(job, 7))).code).toBe('backpressure')
    await world.settle(other.budgets.remove({ queue: 'default' }))
    await world.time.advance(1_001)
    await enqueue(world, mill, 1)
  })

  test('is exceeded by no more than what others let in within half a second', async () => {
    const world = new World()
    const mills = [world.mill(), world.mill(), world.mill()]
    await world.settle(mills[0]!.budgets.put({ queue: 'default' }, { tasks: 100 }))
    const counts = await world.settle(
      Promise.all(
        mills.map(async (mill) => {
          let tasks = 0
          while (await isLetIn(mill)) {
            tasks += 1
            await world.sleep(50)
          }
          return tasks
        }),
      ),
    )
    const all = counts.reduce((sum, count) => sum + count, 0)
    expect(all).toBeGreaterThanOrEqual(100)
    expect(all).toBeLessThanOrEqual(100 + 2 * 10)
    const [queue] = await mills[0]!.queues.list()
    expect(queue!.counts.ready).toBe(all)
  })

  test('lets in again and again what workers make room for', async () => {
    const world = new World()
    const mill = world.mill()
    await world.settle(mill.budgets.put({ queue: 'default' }, { tasks: 10 }))
    const worker = mill.worker({ handlers: job.handler(() => undefined) })
    await world.settle(worker.start())
    let waits = 0
    for (let n = 0; n < 200; n++) {
      while (!(await world.settle(isLetIn(mill)))) {
        waits += 1
        await world.time.advance(60)
      }
    }
    expect(waits).toBeLessThan(200)
    await world.settle(worker.stop())
  })

  test('a bulk is let in one by one, a whole one whole', async () => {
    const world = new World()
    const mill = world.mill()
    await world.settle(mill.budgets.put({ queue: 'default' }, { tasks: 3 }))
    const drafts = [1, 2, 3, 4].map((n) => job.with(n))
    expect((await world.refusal(mill.enqueueMany(drafts, { atomic: true }))).code).toBe('backpressure')
    expect(await world.store.queues()).toEqual([])
    const answers = await world.settle(mill.enqueueMany(drafts))
    expect(answers.map(({ outcome }) => outcome)).toEqual(['created', 'created', 'created', 'rejected'])
  })
})

test('a look at budgets takes of the patience of its caller', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  await world.settle(mill.budgets.put({ queue: 'default' }, { tasks: 3 }))
  line.keep('usage', async (pass) => {
    await world.sleep(10_000)
    return pass()
  })
  line.keep('add', () => new Promise<never>(() => undefined))
  const from = world.time.nowMs
  expect((await world.refusal(mill.enqueue(job, 1))).code).toBe('ambiguous')
  expect(world.time.nowMs - from).toBeLessThanOrEqual(15_100)
})

test('what the store refused leaves its room to the next', async () => {
  const world = new World()
  const mill = world.mill()
  await world.settle(mill.budgets.put({ queue: 'default' }, { tasks: 4 }))
  const key = { key: 'k', then: 'reject' } as const
  await world.settle(mill.enqueue(job, 1, { unique: key }))
  const refused = Array.from({ length: 3 }, (_, n) => job.with(n, { unique: key }))
  for (const drafts of [refused, refused]) {
    const answers = await world.settle(mill.enqueueMany(drafts))
    expect(answers.map((answer) => 'error' in answer && answer.error.code)).toEqual(
      refused.map(() => 'unique'),
    )
  }
  await world.refusal(mill.enqueueMany(refused, { atomic: true }))
  expect((await world.refusal(mill.enqueue(job, 4, { unique: key }))).code).toBe('unique')
  await enqueue(world, mill, 3)
  expect((await world.refusal(mill.enqueue(job, 5))).code).toBe('backpressure')
})

test('a partition has its own budget, or that of all', async () => {
  const world = new World()
  const mill = world.mill()
  await world.settle(mill.budgets.put({ partition: '*' }, { tasks: 1 }))
  await world.settle(mill.budgets.put({ partition: 'large' }, { tasks: 2 }))
  const put = (of: string): Promise<unknown> => mill.enqueue(own, { of })
  await world.settle(Promise.all([put('a'), put('b'), put('large'), put('large')]))
  const refusal = await world.refusal(put('a'))
  expect(refusal.message).toBe('The partition a holds 1 of 1 tasks; 1 more do not fit.')
  expect((await world.refusal(put('large'))).message).toMatch(/^The partition large holds 2 of 2/)
  await world.settle(mill.enqueue(job, 1))
  await world.refusal(mill.enqueue(job, 1, { partition: 'b' }))
})

describe('quotas', () => {
  test('of tasks hold for all producers, until the period is over', async () => {
    const world = new World()
    const [mill, other] = [world.mill(), world.mill()]
    const quota = { tasks: 10, per: '1m' } as const
    await world.settle(mill.budgets.put({ partition: 'acme' }, { quota }))
    const put = (of: Mill): Promise<unknown> => of.enqueue(job, 1, { partition: 'acme' })
    for (let n = 0; n < 4; n++) await world.settle(put(mill))
    await world.time.advance(600)
    for (let n = 0; n < 6; n++) await world.settle(put(other))
    await world.settle(mill.tasks.cancel({ state: 'pending' })) // used all the same
    await world.time.advance(600)
    const refusal = (await world.refusal(put(mill))) as BackpressureError
    expect(refusal.message).toBe('The partition acme has used 10 of 10 tasks of this period.')
    const [status] = await world.settle(mill.budgets.list())
    expect(status).toMatchObject({ tasks: 0, spent: { tasks: 10, handlerMs: 0 } })
    const left = status!.periodEndsAt!.getTime() - (await world.store.now())
    expect(Math.abs(refusal.retryAfterMs! - left)).toBeLessThan(20)
    await world.time.advance(refusal.retryAfterMs! + 1)
    await world.settle(put(mill))
  })

  test('of time in handlers are used up by workers', async () => {
    const world = new World()
    const mill = world.mill()
    const quota = { handlerTime: '3s', per: '1h' } as const
    await world.settle(mill.budgets.put({ partition: 'acme' }, { quota }))
    const worker = world.mill().worker({ handlers: job.handler(() => world.sleep(2_000)) })
    await world.settle(worker.start())
    const put = (): Promise<unknown> => mill.enqueue(job, 1, { partition: 'acme' })
    await world.settle(Promise.all([put(), put()]))
    await world.time.advance(4_000)
    expect((await world.refusal(put())).message).toMatch(
      /^The partition acme has used 4\d{3}.* of 3000 ms in handlers/,
    )
    await world.settle(mill.enqueue(job, 1, { partition: 'other' }))
    await world.settle(worker.stop())
  })

  test('are told to the end: what a client used last is not forgotten when it closes', async () => {
    const world = new World()
    const mill = world.mill()
    await world.settle(mill.budgets.put({ queue: 'default' }, { quota: { tasks: 5, per: '1d' } }))
    await enqueue(world, mill, 5)
    await world.settle(mill.close())
    expect((await world.refusal(world.mill().enqueue(job, 6))).code).toBe('backpressure')
  })

  test('a store that is away is told later', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    await world.settle(mill.budgets.put({ queue: 'default' }, { quota: { tasks: 5, per: '1d' } }))
    line.keep('spend', () => Promise.reject(new Error('away')))
    await enqueue(world, mill, 3)
    await world.time.advance(1_000)
    line.free('spend')
    await world.time.advance(1_000)
    const [status] = await world.settle(mill.budgets.list())
    expect(status!.spent.tasks).toBe(3)
  })
})

describe('what it costs', () => {
  test('without budgets: a look at nothing now and then', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    for (let n = 0; n < 1_000; n++) {
      await world.settle(mill.enqueue(job, n))
      await world.time.advance(10)
    }
    expect(line.count('budgets')).toBeLessThanOrEqual(12)
    expect(line.count('usage') + line.count('spend')).toBe(0)
  })

  test('with one: two looks a second, however much is enqueued', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    await world.settle(mill.budgets.put({ queue: 'default' }, { tasks: 1_000_000 }))
    for (let n = 0; n < 1_000; n++) {
      await enqueue(world, mill, 5)
      await world.time.advance(10)
    }
    expect(line.count('usage')).toBeLessThanOrEqual(22)
    expect(line.count('budgets')).toBeLessThanOrEqual(22)
  })

  test('whoever is turned away again and again looks twenty times a second at most', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    await world.settle(mill.budgets.put({ queue: 'default' }, { tasks: 0 }))
    for (let n = 0; n < 1_000; n++) {
      await world.refusal(mill.enqueue(job, n))
      await world.time.advance(1)
    }
    expect(line.count('usage')).toBeLessThanOrEqual(21)
  })
})

test.each<[string, unknown, unknown, RegExp]>([
  ['nothing', { queue: 'q' }, {}, /Nothing is limited by this budget/],
  ['a negative amount', { queue: 'q' }, { tasks: -1 }, /tasks is -1/],
  ['a quota without a bound', { queue: 'q' }, { quota: { per: '1h' } }, /Nothing is limited by this quota/],
  ['a period that is too short', { queue: 'q' }, { quota: { tasks: 1, per: '10ms' } }, /quota.per is/],
  ['a misspelled member', { queue: 'q' }, { task: 1 }, /task/],
  ['both', { queue: 'q', partition: 'p' }, { tasks: 1 }, /A budget is for/],
  ['neither', {}, { tasks: 1 }, /A budget is for/],
])('refused before anything is written: %s', async (_, scope, options, message) => {
  const world = new World()
  const line = world.line()
  await expect(world.mill(line).budgets.put(scope as never, options as never)).rejects.toThrow(message)
  expect(line.calls).toEqual([])
})

test('a refusal says how to raise what is exhausted', async () => {
  const world = new World()
  const mill = world.mill()
  await world.settle(mill.budgets.put({ queue: 'default' }, { tasks: 0 }))
  const refusal = await world.refusal(mill.enqueue(job, 1))
  expect((refusal as BackpressureError).hint).toContain('mill.budgets.put({ queue: "default" }, …)')
})

/** Whether the next task is; any other refusal is none that is expected. */
async function isLetIn(mill: Mill): Promise<boolean> {
  try {
    await mill.enqueue(job, 1)
    return true
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'backpressure') return false
    throw error
  }
}

test('who sets a budget goes by it at once', async () => {
  const world = new World()
  const mill = world.mill()
  await enqueue(world, mill, 3)
  const [, refusal] = await Promise.all([
    world.settle(mill.budgets.put({ queue: 'default' }, { tasks: 3 })),
    world
      .settle(mill.budgets.put({ queue: 'default' }, { tasks: 3 }))
      .then(() => world.refusal(mill.enqueue(job, 4))),
  ])
  expect(refusal.code).toBe('backpressure')
  await world.settle(mill.budgets.remove({ queue: 'default' }))
  await enqueue(world, mill, 1)
})
