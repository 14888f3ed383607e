/** A server that is killed in the middle of calls, or hangs: what callers are told, and what is there afterwards. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { StoreError } from '@millrace/core'
import { PostgresStore } from '../src/index.ts'
import { serverOf, sql, withServer } from './home.ts'
import { familyOf, signalAll } from '../../../test/servers/family.ts'
import { demand, exchange, group, groups, session, spec, succeeded } from '../../sqlite/test/specs.ts'

withServer()

async function openStore(): Promise<PostgresStore> {
  const store = new PostgresStore({ url: serverOf().url, schema: `f_${randomUUID().slice(0, 8)}` })
  await store.open()
  return store
}

/** Calls until the store answers again. */
async function recovered<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await call()
    } catch (error) {
      if (tries === 200 || !(error instanceof StoreError)) throw error
    }
  }
}

test('what was acknowledged before the server was killed is there, and the store goes on by itself', async () => {
  const { server } = serverOf()
  const store = await openStore()
  for (let round = 0; round < 2; round++) {
    const added: string[] = []
    const doubtful: string[] = []
    const untouched: string[] = []
    const effects: unknown[] = []
    let running = true
    const adder = async (): Promise<void> => {
      while (running) {
        const tasks = Array.from({ length: 20 }, () => spec())
        const ids = tasks.map(({ id }) => id)
        try {
          await store.add({ groups: tasks.map((task) => group(task)), again: false })
          added.push(...ids)
        } catch (error) {
          const { effect } = error as StoreError
          effects.push(effect)
          ;(effect === 'none' ? untouched : doubtful).push(...ids)
          running = false
        }
      }
    }
    const adders = Promise.all([adder(), adder(), adder()])
    await expect.poll(() => added.length).toBeGreaterThan(400)
    await server.kill('SIGKILL')
    await adders
    await server.start()
    expect(effects.length).toBeGreaterThan(0)
    expect(effects.filter((effect) => effect !== 'none' && effect !== 'unknown')).toEqual([])
    const count = async (ids: readonly string[]): Promise<number> =>
      (await recovered(() => store.get(ids))).filter((task) => task !== null).length
    for (let from = 0; from < added.length; from += 1_000) {
      const ids = added.slice(from, from + 1_000)
      expect(await count(ids)).toBe(ids.length)
    }
    expect(await count(untouched)).toBe(0)
    // all of a request, or nothing
    for (let from = 0; from < doubtful.length; from += 20) {
      expect([0, 20]).toContain(await count(doubtful.slice(from, from + 20)))
    }
  }
  await store.close()
}, 60_000)

test('exchanges that the kill left in doubt end each task once when they are repeated', async () => {
  const { server } = serverOf()
  const store = await openStore()
  const { session: id } = session({ session: randomUUID() })
  await store.openSession(session({ session: id }))
  for (let batch = 0; batch < 3; batch++) await store.add({ groups: groups(1_000), again: false })
  let ended = 0
  let request = exchange(id, { demand: demand(50) })
  let killed: Promise<void> | undefined
  for (let empty = 0; empty < 2;) {
    const answer = await store.exchange(request).catch(async (error: unknown) => {
      if (!(error instanceof StoreError)) throw error
      await killed
      return null
    })
    if (answer === null) {
      request = { ...request, again: true }
      continue
    }
    ended += answer.verdicts.filter((verdict) => verdict === 'applied').length
    empty = answer.claims.length === 0 ? empty + 1 : 0
    request = exchange(id, { settlements: answer.claims.map(succeeded), demand: demand(50) })
    if (killed === undefined && ended > 1_000) {
      killed = server.kill('SIGKILL').then(() => server.start())
    }
  }
  const [queue] = await store.queues()
  expect(queue?.counts).toMatchObject({ ready: 0, running: 0, succeeded: 3_000 })
  expect(ended).toBe(3_000)
  await store.close()
}, 60_000)

test('hints are heard again after the server was started anew', async () => {
  const { server } = serverOf()
  const store = await openStore()
  const hints = store.watch()
  await hints.next()
  await server.kill('SIGKILL')
  await server.start()
  await recovered(() => store.queues())
  // whoever listens again may have missed anything
  expect((await hints.next()).value).toEqual({ ready: true, settled: true, cancel: true, schedules: true })
  await store.close()
}, 60_000)

test('every call to a server that hangs ends within its bound', async () => {
  const { server } = serverOf()
  const store = await openStore()
  const { session: id } = session()
  await store.openSession(session({ session: id }))
  await store.add({ groups: groups(10), again: false })
  const pids = familyOf(server.pid!)
  signalAll(pids, 'SIGSTOP')
  try {
    const began = performance.now()
    const calls = [
      () => store.add({ groups: groups(1), again: false }),
      () => store.exchange(exchange(id, { demand: demand(5) })),
      () => store.renew({ session: id, ttlMs: 1_000, seq: 1, held: [], awaiting: [] }),
      () => store.queues(),
      () => store.get([randomUUID()]),
      () => store.sweep({ tasksMax: 10 }),
    ]
    const errors = await Promise.all(calls.map((call) => call().catch((error: unknown) => error)))
    expect(performance.now() - began).toBeLessThan(10_500)
    for (const error of errors) expect(error).toMatchObject({ code: 'store-unavailable' })
  } finally {
    signalAll(pids, 'SIGCONT')
  }
  expect((await recovered(() => store.queues()))[0]?.counts.ready).toBeGreaterThanOrEqual(5)
  await store.close()
}, 60_000)

test('a lock of somebody else makes busy what it concerns, and nothing else', async () => {
  const schema = `f_${randomUUID().slice(0, 8)}`
  const store = new PostgresStore({ url: serverOf().url, schema })
  await store.open()
  const keyed = (key: string): ReturnType<typeof group> =>
    group(spec({ unique: { key, while: 'live', then: 'keep' } }))
  const open = sql(
    `BEGIN; INSERT INTO ${schema}.live(id, run_at, enqueued_at, queue, route, terms, epoch, settled, size, state, level, flags, digest,
      place, ord, unique_key) VALUES (gen_random_uuid(), 0, 0, 1, 1, 1, 0, 0, 0, 1, 2, 0, 'd', 0, 0, 'wanted'); SELECT pg_sleep(5); ROLLBACK`,
  )
  await expect
    .poll(() =>
      sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(5)%' AND wait_event = 'PgSleep'"),
    )
    .toHaveLength(1)
  const answers = await store.add({
    groups: [keyed('free'), keyed('wanted'), keyed('also free')],
    again: false,
  })
  expect(answers.map(({ outcome }) => outcome)).toEqual(['added', 'busy', 'added'])
  await open
  const [again] = await store.add({ groups: [keyed('wanted')], again: false })
  expect(again?.outcome).toBe('added')
  await store.close()
}, 30_000)

test('a lease that is being renewed has not lapsed, whatever can be read of it', async () => {
  const schema = `f_${randomUUID().slice(0, 8)}`
  const store = new PostgresStore({ url: serverOf().url, schema })
  await store.open()
  const [mine, heir] = [session({ ttlMs: 1_000 }), session()]
  await store.openSession(mine)
  await store.openSession(heir)
  await store.add({ groups: groups(3), again: false })
  const { claims } = await store.exchange(exchange(mine.session, { demand: demand(3) }))
  await store.shiftClock(1_001)
  const renewing = sql(
    `BEGIN; UPDATE ${schema}.sessions SET expires_at = expires_at + 60000 WHERE id = '${mine.session}'; SELECT pg_sleep(1); COMMIT`,
  )
  await expect
    .poll(() =>
      sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1)%' AND wait_event = 'PgSleep'"),
    )
    .toHaveLength(1)
  const { tasks } = await store.reclaim({
    session: heir.session,
    nonce: 'ab'.repeat(8),
    again: false,
    tasksMax: 10,
    graceMs: 0,
  })
  expect(tasks).toEqual([])
  await renewing
  const held = claims.map(({ id, epoch, nonce }) => ({ fence: { task: id, epoch, nonce }, started: false }))
  const renewed = await store.renew({ session: mine.session, ttlMs: 1_000, seq: 1, held, awaiting: [] })
  expect(renewed).toMatchObject({ session: 'alive', lost: [] })
  await store.close()
}, 30_000)
