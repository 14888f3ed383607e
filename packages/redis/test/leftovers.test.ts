/** What is left of tasks and requests that went elsewhere: whoever meets it takes nothing twice for it. */
import { createClient } from '@redis/client'
import { expect, test } from 'vitest'
import { demand, exchange, group, groups, session, spec, succeeded } from '../../sqlite/test/specs.ts'
import { audit } from './ledger.ts'
import { openHome, serverUrl, useServer, type RedisHome } from './home.ts'
import type { Claim, Command, TaskId } from '@millrace/core/store'

useServer()

const HOUR_MS = 3_600_000

async function redis(...args: readonly string[]): Promise<unknown> {
  const client = await createClient({ url: serverUrl() }).connect()
  const reply: unknown = await client.sendCommand(args)
  client.destroy()
  return reply
}

let commands = 0

async function command({ store }: RedisHome, kind: 'hold' | 'release' | 'remove', id: TaskId): Promise<void> {
  const what: Command = { kind }
  const nonce = String((commands += 1)).padStart(16, '0')
  const { changed } = await store.command({ nonce, command: what, target: { ids: [id] }, tasksMax: 1 })
  expect(changed).toBe(1)
}

async function worker({ store }: RedisHome): Promise<string> {
  const mine = session({ ttlMs: 90 * 24 * HOUR_MS })
  await store.openSession(mine)
  return mine.session
}

test('an id that comes again is claimed once, however many entries its first task left behind', async () => {
  await using home = await openHome()
  const { store } = home
  const mine = await worker(home)
  const user = spec({ idMadeBy: 'user' })
  await store.add({ groups: [group(user)], again: false })
  await command(home, 'hold', user.id)
  await store.add({ groups: groups(1), again: false })
  await command(home, 'release', user.id)
  await command(home, 'remove', user.id)
  // meets the first of two entries
  expect((await store.exchange(exchange(mine, { demand: demand(1) }))).claims).toHaveLength(1)
  await home.shiftClock(25 * HOUR_MS)
  await store.add({ groups: [group(user)], again: false })
  const { claims } = await store.exchange(exchange(mine, { demand: demand(10) }))
  expect(claims.map(({ id }) => id)).toEqual([user.id])
  const [queue] = await store.queues()
  expect(queue?.counts).toMatchObject({ ready: 0, running: 2 })
})

test('an id that comes again with another type is not claimed by who takes the first', async () => {
  await using home = await openHome()
  const { store } = home
  const mine = await worker(home)
  const user = spec({ idMadeBy: 'user' })
  await store.add({ groups: [group(user)], again: false })
  await command(home, 'remove', user.id)
  await home.shiftClock(25 * HOUR_MS)
  await store.add({ groups: [group({ ...user, type: 'other' })], again: false })
  expect((await store.exchange(exchange(mine, { demand: demand(10) }))).claims).toEqual([])
  const other = await store.exchange(exchange(mine, { demand: demand(10, { types: ['other'] }) }))
  expect(other.claims.map(({ id, type }) => ({ id, type }))).toEqual([{ id: user.id, type: 'other' }])
})

test('nothing is left of expired tasks that nobody ever asked for', async () => {
  await using home = await openHome()
  const { store } = home
  const nothing = { succeededMs: 0, cancelledMs: 0, failedMs: 0, count: 0, bytes: 0 }
  const round = async (): Promise<number> => {
    for (let batch = 0; batch < 3; batch++) {
      await store.add({ groups: groups(1_000, { startByMs: 1, type: 'unheard-of' }), again: false })
    }
    await home.shiftClock(HOUR_MS)
    while ((await store.sweep({ tasksMax: 1_000 })).more);
    while ((await store.prune({ tasksMax: 1_000, retention: nothing })).more);
    await home.shiftClock(HOUR_MS)
    while ((await store.prune({ tasksMax: 1_000, retention: nothing })).more);
    const keys = (await redis('KEYS', `{mr:${home.namespace}}*`)) as readonly string[]
    const sizes = await Promise.all(keys.map((key) => redis('MEMORY', 'USAGE', key)))
    return sizes.reduce<number>((sum, size) => sum + Number(size), 0)
  }
  const once = await round()
  const twice = await round()
  expect(twice).toBeLessThan(once + 10_000)
})

test('what was ready is not lost when the clock jumps back', async () => {
  await using home = await openHome()
  const { store } = home
  const mine = await worker(home)
  const late = spec({ due: { inMs: 5_000 }, startByMs: HOUR_MS })
  await store.add({ groups: [...groups(1), group(late)], again: false })
  await home.shiftClock(6_000)
  // moves what has fallen due, and takes another one
  expect((await store.exchange(exchange(mine, { demand: demand(1) }))).claims).toHaveLength(1)
  await home.shiftClock(-6_000)
  expect((await store.exchange(exchange(mine, { demand: demand(10) }))).claims).toEqual([])
  await home.shiftClock(6_000)
  const { claims } = await store.exchange(exchange(mine, { demand: demand(10) }))
  expect(claims.map(({ id }) => id)).toEqual([late.id])
})

test('what was given up takes nothing when it arrives behind its own repeat', async () => {
  await using home = await openHome()
  const { store } = home
  await store.add({ groups: groups(20), again: false })
  const dying = session({ ttlMs: 1_000 })
  await store.openSession(dying)
  await store.exchange(exchange(dying.session, { demand: demand(10) }))
  await home.shiftClock(2_000)
  const mine = await worker(home)
  const take = exchange(mine, { demand: demand(3) })
  const repeated = await store.exchange({ ...take, again: true })
  await store.exchange(take)
  const over = { session: mine, nonce: '0123456789abcdef', tasksMax: 4, graceMs: 0 }
  await store.reclaim({ ...over, again: true })
  await store.reclaim({ ...over, again: false })
  const [record] = (await store.sessions()).filter((one) => one.session === mine)
  expect(record?.running).toBe(repeated.claims.length + 4)
})

test('one that starts over behind others of its series is not claimed by the entry that it left before them', async () => {
  await using home = await openHome()
  const { store } = home
  const mine = await worker(home)
  const lane = { partition: 'acme', fifo: true, limits: [], prefers: [], spillMs: 0 }
  const [first, second] = [spec({ lane }), spec({ lane })]
  const claim = async (...done: readonly Claim[]): Promise<readonly Claim[]> => {
    const settlements = done.map(succeeded)
    return (await store.exchange(exchange(mine, { settlements, demand: demand(10) }))).claims
  }
  const target = { ids: [first.id] }
  await store.add({ groups: [group(first)], again: false })
  const cancel: Command = { kind: 'cancel', reason: null }
  await store.command({ nonce: 'aaaaaaaaaaaaaaaa', command: cancel, target, tasksMax: 1 })
  await store.add({ groups: [group(second)], again: false })
  const retry: Command = { kind: 'retry', payload: null }
  await store.command({ nonce: 'bbbbbbbbbbbbbbbb', command: retry, target, tasksMax: 1 })
  const claims = await claim()
  expect(claims.map(({ id }) => id)).toEqual([second.id])
  expect((await claim(...claims)).map(({ id }) => id)).toEqual([first.id])
  expect(await audit(serverUrl(), home.namespace)).toEqual([])
})
