/** Several processes on one store, and what is left when one of them is killed. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createClient } from '@redis/client'
import { demand, exchange, groups, session, succeeded } from '../../sqlite/test/specs.ts'
import { startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { Child } from './child.ts'
import { RedisStore } from '../src/index.ts'

const WORKER = new URL('./children/worker.ts', import.meta.url)
const PRODUCER = new URL('./children/producer.ts', import.meta.url)
const IDLE = new URL('./children/idle.ts', import.meta.url)

let server: RedisServer
let store: RedisStore
const children: Child[] = []
beforeAll(async () => void (server = await startRedis()))
afterAll(() => server.server.stop())
beforeEach(async () => {
  const client = await createClient({ url: server.url }).connect()
  await client.sendCommand(['FLUSHALL'])
  client.destroy()
  store = new RedisStore({ url: server.url })
  await store.open()
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill()
  await store.close()
})

function start(script: URL, ...args: readonly string[]): Child {
  const child = new Child(script, server.url, ...args)
  children.push(child)
  return child
}

test('processes share a store: each task is ended once, and none is lost', async () => {
  const workers = [start(WORKER, '1200'), start(WORKER, '1200')]
  const producers = [start(PRODUCER, '30', '20'), start(PRODUCER, '30', '20')]
  await Promise.all([...workers, ...producers].map((child) => child.ended()))
  const added = producers.flatMap((child) => child.ids('added'))
  const applied = workers.flatMap((child) => child.ids('applied'))
  expect(added).toHaveLength(1_200)
  expect(applied.toSorted()).toEqual(added.toSorted())
  expect(workers.flatMap((child) => [...child.ids('stale'), ...child.ids('cancelled')])).toEqual([])
})

test('a producer that is killed in the middle of writing leaves all that it was told of', async () => {
  for (const lines of [300, 2_000, 5_000]) {
    const producer = start(PRODUCER, '1000000', '100')
    await producer.wrote(lines, 'added')
    producer.kill()
    await producer.ended()
    for (const prefix of ['added', 'trying'] as const) {
      const ids = producer.ids(prefix)
      for (let from = 0; from < ids.length; from += 100) {
        const batch = await store.get(ids.slice(from, from + 100))
        const present = batch.filter((task) => task !== null).length
        // what was tried and not answered is there as a whole, or not at all
        expect(prefix === 'added' ? [100] : [0, 100]).toContain(present)
      }
    }
  }
})

test('a worker that is killed loses its lease, and its tasks go on elsewhere', async () => {
  for (let batch = 0; batch < 5; batch++) await store.add({ groups: groups(1_000), again: false })
  const worker = start(WORKER, '5000')
  await worker.wrote(500, 'applied')
  worker.kill()
  await worker.ended()
  const heir = session({ ttlMs: 10 * 3_600_000 })
  await store.openSession(heir)
  await store.shiftClock(2 * 3_600_000)
  const { tasks } = await store.reclaim({
    session: heir.session,
    nonce: 'aa'.repeat(8),
    again: false,
    tasksMax: 100,
    graceMs: 0,
  })
  expect(tasks.every(({ cause }) => cause === 'lapsed')).toBe(true)
  const transition = { to: 'pending', count: 'crash', delayMs: null, error: null } as const
  const settlements = tasks.map(({ fence }) => ({ fence, seq: 1, transition, notes: null }))
  await store.exchange(exchange(heir.session, { settlements }))
  let ended = 0
  for (;;) {
    const { claims } = await store.exchange(exchange(heir.session, { demand: demand(1_000) }))
    if (claims.length === 0) break
    ended += claims.length
    await store.exchange(exchange(heir.session, { settlements: claims.map(succeeded) }))
  }
  const [queue] = await store.queues()
  expect(queue?.counts).toMatchObject({ ready: 0, running: 0, succeeded: 5_000 })
  expect(ended).toBeLessThanOrEqual(4_500)
})

test('what another process writes is heard of', async () => {
  const hints = store.watch()
  await hints.next()
  const heard = hints.next()
  const producer = start(PRODUCER, '1', '1')
  expect((await heard).value).toMatchObject({ ready: true })
  await producer.ended()
  await hints.return?.()
})

test('a process that only listens ends', async () => {
  const idle = start(IDLE)
  await idle.ended()
  expect(idle.lines).toEqual(['idle'])
})
