/** A server that dies, hangs, forgets its scripts or is full: what calls answer then, and that the store goes on. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createClient } from '@redis/client'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { StoreError } from '@millrace/core'
import { demand, exchange, group, groups, session, spec, succeeded } from '../../sqlite/test/specs.ts'
import { startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { RedisStore } from '../src/index.ts'
import type { TaskId } from '@millrace/core/store'

let server: RedisServer
let store: RedisStore
beforeEach(async () => {
  // once a second is not enough: while a sync is slow Redis answers before it writes
  server = await startRedis({ fsync: 'always' })
  store = new RedisStore({ url: server.url, timeoutMs: 400 })
  await store.open()
})
afterEach(async () => {
  await store.close()
  await server.server.stop()
})

async function redis(...args: readonly string[]): Promise<void> {
  const client = await createClient({ url: server.url }).connect()
  await client.sendCommand(args)
  client.destroy()
}

/** Tries again as long as the store says that it may work then, as core does. */
async function persist<T>(act: () => Promise<T>): Promise<T> {
  const tried = (): Promise<PromiseSettledResult<T>> =>
    act().then(
      (value) => ({ status: 'fulfilled', value }),
      (reason: unknown) => {
        if (reason instanceof StoreError && reason.effect !== 'final') throw reason
        return { status: 'rejected', reason }
      },
    )
  const settled = await vi.waitFor(tried, { timeout: 15_000, interval: 20 })
  if (settled.status === 'rejected') throw settled.reason
  return settled.value
}

interface Journal {
  readonly acknowledged: TaskId[]
  readonly failed: { readonly ids: readonly TaskId[]; readonly error: StoreError }[]
}

/** Adds batches of ten, eight at a time, until told to stop. */
async function addUntil(stopped: () => boolean, journal: Journal): Promise<void> {
  const line = async (): Promise<void> => {
    while (!stopped()) {
      const tasks = Array.from({ length: 10 }, () => spec())
      const ids = tasks.map(({ id }) => id)
      try {
        await store.add({ groups: [group(...tasks)], again: false })
        journal.acknowledged.push(...ids)
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        journal.failed.push({ ids, error })
        // what was never sent says that the server is away: the line goes on when it is back
        if (error.effect === 'none') await persist(() => store.now())
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, line))
}

async function there(ids: readonly TaskId[]): Promise<number> {
  let count = 0
  for (let from = 0; from < ids.length; from += 1_000) {
    const records = await store.get(ids.slice(from, from + 1_000))
    count += records.filter((record) => record !== null).length
  }
  return count
}

test('a server that is killed loses nothing that it acknowledged, and the store goes on by itself', async () => {
  const journal: Journal = { acknowledged: [], failed: [] }
  let stopped = false
  const adding = addUntil(() => stopped, journal)
  for (let kills = 0; kills < 3; kills++) {
    const before = journal.acknowledged.length
    await expect.poll(() => journal.acknowledged.length, { timeout: 10_000 }).toBeGreaterThan(before + 500)
    await server.server.kill('SIGKILL')
    await server.server.start()
  }
  const before = journal.acknowledged.length
  await expect.poll(() => journal.acknowledged.length, { timeout: 10_000 }).toBeGreaterThan(before + 500)
  stopped = true
  await adding
  expect(await there(journal.acknowledged)).toBe(journal.acknowledged.length)
  const effects = new Set(journal.failed.map(({ error }) => error.effect))
  expect(effects).toEqual(new Set(['none', 'unknown']))
  for (const { ids, error } of journal.failed) {
    expect(error).toMatchObject({ code: 'store-unavailable' })
    expect(error.effect === 'none' ? [0] : [0, ids.length]).toContain(await there(ids))
  }
}, 60_000)

test('every call ends in time when the server hangs, and nothing happens twice', async () => {
  const mine = session()
  await store.openSession(mine)
  await store.add({ groups: groups(20), again: false })
  process.kill(server.server.pid!, 'SIGSTOP')
  const late = [group(spec())]
  const claim = exchange(mine.session, { demand: demand(5) })
  const before = performance.now()
  const calls = await Promise.allSettled([
    store.add({ groups: late, again: false }),
    store.exchange(claim),
    store.queues(),
    store.renew({ session: mine.session, ttlMs: 1_000, seq: 1, held: [], awaiting: [] }),
  ])
  expect(performance.now() - before).toBeLessThan(2_000)
  for (const call of calls) {
    expect(call).toMatchObject({
      status: 'rejected',
      reason: { code: 'store-unavailable', effect: 'unknown' },
    })
  }
  // while it hangs, what is asked next ends, too
  await expect(store.queues()).rejects.toMatchObject({ code: 'store-unavailable', effect: 'none' })
  process.kill(server.server.pid!, 'SIGCONT')
  const [answer] = await persist(() => store.add({ groups: late, again: true }))
  expect(answer).toMatchObject({ outcome: 'added' })
  const { claims } = await persist(() => store.exchange({ ...claim, again: true }))
  expect(claims).toHaveLength(5)
  const [queue] = await store.queues()
  expect(queue?.counts).toMatchObject({ ready: 16, running: 5 })
})

test('hints are heard again after the server was started anew, and say that everything may have changed', async () => {
  const hints = store.watch()
  await hints.next()
  await server.server.kill('SIGKILL')
  await server.server.start()
  expect((await hints.next()).value).toEqual({ ready: true, settled: true, cancel: true, schedules: true })
  await persist(() => store.add({ groups: groups(1), again: true }))
  expect((await hints.next()).value).toMatchObject({ ready: true })
  await hints.return?.()
})

test('a server that has forgotten the scripts is told them again', async () => {
  await store.add({ groups: groups(1), again: false })
  await redis('SCRIPT', 'FLUSH')
  await store.add({ groups: groups(1), again: false })
  const [queue] = await store.queues()
  expect(queue?.counts.ready).toBe(2)
})

test('a server whose data was thrown away gets a new store', async () => {
  const mine = session()
  await store.openSession(mine)
  await store.add({ groups: groups(3), again: false })
  await redis('FLUSHALL')
  await store.add({ groups: [group(spec({ type: 'other' }))], again: false })
  const [queue] = await store.queues()
  expect(queue?.counts.ready).toBe(1)
  expect((await store.exchange(exchange(mine.session, { demand: demand(5) }))).session).toBe('dead')
})

test('while the memory is full nothing is added, and work goes on until there is room', async () => {
  const mine = session()
  await store.openSession(mine)
  const payload = JSON.stringify('x'.repeat(900))
  for (let batch = 0; batch < 20; batch++) await store.add({ groups: groups(100, { payload }), again: false })
  await redis('CONFIG', 'SET', 'maxmemory', '1mb')
  const full = { code: 'store-full', effect: 'none' }
  await expect(store.add({ groups: groups(1), again: false })).rejects.toMatchObject(full)
  let ended = 0
  for (;;) {
    const { claims } = await store.exchange(exchange(mine.session, { demand: demand(200) }))
    if (claims.length === 0) break
    const settlements = claims.map(succeeded)
    const { verdicts } = await store.exchange(exchange(mine.session, { settlements }))
    ended += verdicts.filter((verdict) => verdict === 'applied').length
  }
  expect(ended).toBe(2_000)
  const nothing = { succeededMs: 0, cancelledMs: 0, failedMs: 0, count: 0, bytes: 0 }
  while ((await store.prune({ tasksMax: 1_000, retention: nothing })).more);
  await redis('CONFIG', 'SET', 'maxmemory', '50mb')
  expect(await store.add({ groups: groups(1), again: false })).toMatchObject([{ outcome: 'added' }])
})

test('answers that came while this process was busy count', async () => {
  const hasty = new RedisStore({ url: server.url, timeoutMs: 100 })
  await hasty.open()
  const answer = hasty.now()
  const before = performance.now()
  while (performance.now() - before < 300);
  expect(await answer).toBeGreaterThan(0)
  await hasty.close()
})

/** An address that leads new connections to one server or another, and leaves the old ones where they are. */
class Address implements AsyncDisposable {
  to = 0
  readonly #sockets = new Set<Socket>()
  readonly #server: Server = createServer((near) => {
    const far = connect(this.to, '127.0.0.1')
    for (const [from, onto] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      from.on('error', () => onto.destroy()).on('close', () => onto.destroy())
      from.pipe(onto)
    }
  })

  async url(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

test('a store whose server became a replica looks for the new primary behind the same address', async () => {
  await using successor = await startRedis()
  await using address = new Address()
  address.to = server.server.port
  const mine = new RedisStore({ url: await address.url() })
  await mine.open()
  await mine.add({ groups: groups(1), again: false })
  address.to = successor.server.port
  await redis('REPLICAOF', '127.0.0.1', String(successor.server.port))
  await expect(mine.add({ groups: groups(1), again: false })).rejects.toMatchObject({ effect: 'none' })
  expect(await persist(() => mine.add({ groups: groups(1), again: false }))).toMatchObject([
    { outcome: 'added' },
  ])
  await mine.close()
})
