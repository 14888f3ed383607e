/** Clients of the user's: the hot cases of the conformance suite by each of them, and what befalls a server. */
import { createClient } from '@redis/client'
import { Redis } from 'ioredis'
import { conformanceCases } from '@millrace/core/conformance'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { StoreError } from '@millrace/core'
import { demand, exchange, group, groups, session, spec } from '../../sqlite/test/specs.ts'
import { flush, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { RedisStore, type RedisClient } from '../src/index.ts'

const AREAS: ReadonlySet<string> = new Set([
  'enqueue',
  'claims',
  'settle',
  'connections',
  'repeats',
  'leases',
  'reclaim',
  'payloads',
  'lists',
  'watch',
])

interface Owned {
  readonly client: RedisClient
  ping(): Promise<unknown>
  close(): void
}

const libraries: Readonly<Record<string, (url: string) => Promise<Owned>>> = {
  async 'node-redis'(url) {
    const client = createClient({ url })
    client.on('error', () => undefined)
    await client.connect()
    return { client, ping: () => client.ping(), close: () => client.destroy() }
  },
  async 'node-redis, RESP 2'(url) {
    const client = createClient({ url, RESP: 2 })
    client.on('error', () => undefined)
    await client.connect()
    return { client, ping: () => client.ping(), close: () => client.destroy() }
  },
  async ioredis(url) {
    const client = new Redis(url)
    client.on('error', () => undefined)
    return { client, ping: () => client.ping(), close: () => client.disconnect() }
  },
}

let server: RedisServer
let homes = 0
beforeAll(async () => void (server = await startRedis()))
afterAll(() => server.server.stop())

describe.each(Object.entries(libraries))('by a client of %s', (_, connect) => {
  const owned: Owned[] = []
  afterAll(() => {
    for (const one of owned) one.close()
  })

  afterEach(() => flush(server))

  for (const { area, name, run } of conformanceCases.filter((one) => AREAS.has(one.area))) {
    test(`${area}: ${name}`, async () => {
      const namespace = `home-${(homes += 1)}`
      const client = (owned[0] ??= await connect(server.url)).client
      const stores: RedisStore[] = []
      const open = async (): Promise<RedisStore> => {
        const store = new RedisStore({ client, namespace })
        await store.open()
        stores.push(store)
        return store
      }
      const store = await open()
      await expect(run({ store, open, shiftClock: (ms) => store.shiftClock(ms) })).resolves.toBe(undefined)
      await Promise.all(stores.map((one) => one.close()))
    })
  }

  test('closing the store leaves the client open', async () => {
    const own = await connect(server.url)
    const store = new RedisStore({ client: own.client })
    await store.open()
    const hints = store.watch()
    await hints.next()
    await store.close()
    expect(String(await own.ping())).toBe('PONG')
    own.close()
    await expect(new RedisStore({ client: own.client }).open()).rejects.toMatchObject({
      code: 'store-unavailable',
      effect: 'final',
      hint: expect.stringMatching(/Connect it before/) as unknown,
    })
  })

  test('a server that is killed loses nothing that it acknowledged, and the store goes on by itself', async () => {
    // once a second is not enough: while a sync is slow Redis answers before it writes
    await using killed = await startRedis({ fsync: 'always' })
    const own = await connect(killed.url)
    const store = new RedisStore({ client: own.client, timeoutMs: 1_000 })
    await store.open()
    const hints = store.watch()
    await hints.next()
    const acknowledged: string[] = []
    for (let n = 0; n < 50; n++) {
      const tasks = Array.from({ length: 10 }, () => spec())
      await store.add({ groups: [group(...tasks)], again: false })
      acknowledged.push(...tasks.map(({ id }) => id))
    }
    await vi.waitFor(async () => expect((await hints.next()).value).toMatchObject({ ready: true }))
    await killed.server.kill('SIGKILL')
    const before = performance.now()
    const down = await Promise.allSettled([store.queues(), store.queues()])
    expect(performance.now() - before).toBeLessThan(1_500)
    for (const one of down) {
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'store-unavailable' } })
    }
    await killed.server.start()
    const again = { groups: [group(spec())], again: true }
    const [answer] = await persist(() => store.add(again))
    expect(answer).toMatchObject({ outcome: 'added' })
    const records = await store.get(acknowledged)
    expect(records.filter((record) => record === null)).toEqual([])
    const everything = { ready: true, settled: true, cancel: true, schedules: true }
    await vi.waitFor(async () => expect((await hints.next()).value).toEqual(everything))
    await store.close()
    own.close()
  }, 30_000)

  test('every call ends in time when the server hangs, and nothing happens twice', async () => {
    await using stopped = await startRedis()
    const own = await connect(stopped.url)
    const store = new RedisStore({ client: own.client, timeoutMs: 400 })
    await store.open()
    const mine = session()
    await store.openSession(mine)
    await store.add({ groups: groups(20), again: false })
    process.kill(stopped.server.pid!, 'SIGSTOP')
    const late = [group(spec())]
    const claim = exchange(mine.session, { demand: demand(5) })
    const before = performance.now()
    const calls = await Promise.allSettled([
      store.add({ groups: late, again: false }),
      store.exchange(claim),
      store.queues(),
    ])
    expect(performance.now() - before).toBeLessThan(2_000)
    const reason = { code: 'store-unavailable', effect: 'unknown' }
    for (const call of calls) expect(call).toMatchObject({ status: 'rejected', reason })
    process.kill(stopped.server.pid!, 'SIGCONT')
    const [answer] = await persist(() => store.add({ groups: late, again: true }))
    expect(answer).toMatchObject({ outcome: 'added' })
    const { claims } = await persist(() => store.exchange({ ...claim, again: true }))
    expect(claims).toHaveLength(5)
    const [queue] = await store.queues()
    expect(queue?.counts).toMatchObject({ ready: 16, running: 5 })
    await store.close()
    own.close()
  })
})

/** Tries again as long as the store says that it may work then, as core does. */
async function persist<T>(act: () => Promise<T>): Promise<T> {
  const tried = async (): Promise<readonly [T]> => {
    try {
      return [await act()]
    } catch (error) {
      if (error instanceof StoreError && error.effect !== 'final') throw error
      throw new Error('it will never work', { cause: error })
    }
  }
  return (await vi.waitFor(tried, { timeout: 15_000, interval: 20 }))[0]
}

test('a client that is none, or that puts something in front of keys, is refused before anything is written', async () => {
  const prefixed = new Redis(server.url, { keyPrefix: 'app:', lazyConnect: true })
  const none = { isOpen: true, isReady: true }
  for (const client of [prefixed, none]) {
    expect(() => new RedisStore({ client })).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  }
  prefixed.disconnect()
})
