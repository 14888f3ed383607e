/** `connect(redis(client))`: a whole life of tasks by a client of the user's, which stays open. */
import { createClient } from '@redis/client'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { connect, defineTask, unchecked } from '../src/index.ts'
import { redis, type RedisClient } from '../src/redis.ts'

const double = defineTask('double', { input: unchecked<number>(), output: unchecked<number>() })

let server: RedisServer
beforeAll(async () => void (server = await startRedis()))
afterAll(() => server.server.stop())

interface Owned {
  readonly client: RedisClient
  ping(): Promise<unknown>
  close(): void
}

const libraries: readonly (readonly [string, () => Promise<Owned>])[] = [
  [
    'node-redis',
    async () => {
      const client = await createClient({ url: server.url }).connect()
      return { client, ping: () => client.ping(), close: () => client.destroy() }
    },
  ],
  [
    'ioredis',
    async () => {
      const client = new Redis(server.url)
      return { client, ping: () => client.ping(), close: () => client.disconnect() }
    },
  ],
]

test.each(libraries)('tasks live by a client of %s, and it is open afterwards', async (library, make) => {
  const own = await make()
  const mill = await connect(redis(own.client), { namespace: library })
  const worker = mill.worker({ handlers: double.handler((n) => 2 * n) })
  await worker.start()
  const handles = await Promise.all(Array.from({ length: 50 }, (_, n) => mill.enqueue(double, n)))
  const results = await Promise.all(handles.map((handle) => handle.result({ within: '10s' })))
  expect(results).toEqual(handles.map((_, n) => 2 * n))
  const other = await connect(server.url, { namespace: library })
  expect(await other.queues.list()).toMatchObject([{ counts: { succeeded: 50 } }])
  await other.close()
  await mill.close()
  expect(await own.ping()).toBe('PONG')
  own.close()
})

test('what is no client is refused when it is to be used', () => {
  // @ts-expect-error not a client
  expect(() => redis({ connect: () => undefined })['~store']({ namespace: 'x', migrate: true })).toThrow(
    /no client of node-redis or ioredis/,
  )
})
