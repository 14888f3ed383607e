/** Budgets while the store is away or slow, as a client closes, and in transactions. */
import { describe, expect, test } from 'vitest'
import {
  defineTask,
  MemoryStore,
  StoreError,
  TransactionalMill,
  unchecked,
  type Platform,
} from '../../src/index.ts'
import { silent, World } from '../worker/world.ts'
import type { TransactionalStore, Transactions } from '../../src/store/transactions.ts'

const job = defineTask('job', { input: unchecked<number>() })
const own = defineTask('own', {
  input: unchecked<{ of: string }>(),
  partition: { key: ({ of }) => of },
})

describe('a store that is away or slow', () => {
  const away = (): Promise<never> =>
    Promise.reject(new StoreError('store-unavailable', '', { effect: 'none' }))

  test('burns no attempt of a handler that enqueues against a quota', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    await world.settle(mill.budgets.put({ queue: 'default' }, { quota: { tasks: 50, per: '1d' } }))
    const parent = defineTask('parent', { input: unchecked<number>(), queue: 'parents', retry: false })
    const handler = parent.handler(async (n, ctx) => {
      await ctx.enqueue(job, n, { key: 'one' })
      await world.sleep(700) // so that the next look has something to tell
      await ctx.enqueue(job, n, { key: 'two' })
    })
    const worker = mill.worker({ handlers: handler })
    await world.settle(worker.start())
    const { id } = await world.settle(mill.enqueue(parent, 1))
    await world.time.advance(300)
    line.keep('spend', away)
    await world.time.advance(20_000)
    line.free('spend')
    const [record] = await world.ended([id])
    expect(record).toMatchObject({ state: 'succeeded' })
    await world.settle(worker.stop())
  })

  test('is waited for by a producer no longer than it has patience, whoever else waits', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line, { storeTimeout: '2s' })
    await world.settle(mill.budgets.put({ queue: 'default' }, { tasks: 50 }))
    const parent = defineTask('parent', { input: unchecked<number>(), queue: 'parents' })
    const worker = mill.worker({ handlers: parent.handler((n, ctx) => ctx.enqueue(job, n, { key: 'one' })) })
    await world.settle(worker.start())
    line.keep('usage', () => new Promise(() => undefined))
    await world.settle(mill.enqueue(parent, 1))
    await world.time.advance(50)
    expect(line.count('usage')).toBe(1)
    const from = world.time.nowMs
    expect((await world.refusal(mill.enqueue(job, 1))).code).toMatch(/^store-/)
    expect(world.time.nowMs - from).toBeLessThan(2_500)
  })

  test('is asked for many partitions at once', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    await world.settle(mill.budgets.put({ partition: '*' }, { tasks: 2 }))
    line.keep('usage', async (pass) => {
      await world.sleep(10)
      return pass()
    })
    const puts = Array.from({ length: 100 }, (_, n) => mill.enqueue(own, { of: `p${n}` }))
    await world.settle(Promise.all(puts))
    expect(line.count('usage')).toBeLessThanOrEqual(3)
  })

  test('is told of handler time that a client learns of as it closes', async () => {
    const world = new World()
    const mill = world.mill()
    await world.settle(mill.budgets.put({ queue: 'default' }, { quota: { handlerTime: '1h', per: '1d' } }))
    const line = world.line()
    const other = world.mill(line)
    line.keep('budgets', async (pass) => {
      await world.sleep(200)
      return pass()
    })
    const worker = other.worker({ handlers: job.handler(() => world.sleep(1_000)) })
    await world.settle(worker.start())
    await world.settle(mill.enqueue(job, 1))
    await world.time.advance(500)
    await world.settle(other.close())
    const [status] = await world.settle(mill.budgets.list())
    expect(status!.spent.handlerMs).toBeGreaterThanOrEqual(1_000)
  })

  test('is left alone once the client has closed, whatever handlers that were given up do then', async () => {
    const world = new World()
    const platform = world.time.platform()
    let timers = 0
    const counting: Platform = {
      ...platform,
      setTimer: (...of) => {
        timers += 1
        return platform.setTimer(...of)
      },
    }
    const mill = world.mill(world.line(), { platform: counting })
    await world.settle(mill.budgets.put({ queue: 'default' }, { quota: { handlerTime: '1h', per: '1d' } }))
    await world.settle(mill.enqueue(job, 0, { delay: '1d' }))
    const worker = mill.worker({ handlers: job.handler(() => world.sleep(30_000)), drain: 0 })
    await world.settle(worker.start())
    await world.settle(mill.enqueue(job, 1))
    await world.time.advance(100)
    await world.settle(mill.close())
    await world.time.advance(40_000)
    timers = 0
    await world.time.advance(60_000)
    expect(timers).toBe(0)
  })
})

describe('in transactions', () => {
  class Transacting extends MemoryStore implements TransactionalStore<null> {
    readonly transactions: Transactions<null> = {
      work: 'asynchronous',
      add: async (_, group) => (await this.add({ groups: [group], again: false }))[0]!,
      settle: () => Promise.reject(new Error('not here')),
      run: () => Promise.reject(new Error('not here')),
      fate: () => Promise.reject(new Error('not here')),
    }
  }

  function transacting(world: World): TransactionalMill<null> {
    const platform = world.time.platform()
    return new TransactionalMill(new Transacting({ platform }), { platform, logger: silent })
  }

  test('nobody is turned away for good by what was let in long ago', async () => {
    const world = new World()
    const mill = transacting(world)
    await world.settle(mill.budgets.put({ queue: 'default' }, { tasks: 3 }))
    const put = (): Promise<unknown> => world.settle(mill.within(null).enqueue(job, 1))
    await put() // learns of the budget
    await world.time.advance(100)
    for (let n = 0; n < 2; n++) await put()
    await world.time.advance(1_000)
    await world.refusal(Promise.all([put(), put()]))
    await world.settle(mill.tasks.cancel({ state: 'pending' }))
    await world.time.advance(1_000)
    await put().catch(() => undefined) // it looks alongside
    await world.time.advance(100)
    expect(await put()).toMatchObject({ outcome: 'created' })
  })

  test('what is enqueued is used of quotas', async () => {
    const world = new World()
    const mill = transacting(world)
    await world.settle(mill.budgets.put({ queue: 'default' }, { quota: { tasks: 5, per: '1d' } }))
    await world.settle(mill.enqueue(job, 1))
    for (let n = 0; n < 3; n++) await world.settle(mill.within(null).enqueue(job, n))
    await world.time.advance(1_000)
    const [status] = await world.settle(mill.budgets.list())
    expect(status!.spent.tasks).toBe(4)
  })
})
