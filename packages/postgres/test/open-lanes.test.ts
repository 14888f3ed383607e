/** Lanes and limits in transactions of the user's: nothing is locked there that others need, and deliver makes it good. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, test } from 'vitest'
import { openHome, serverOf, withServer } from './home.ts'
import { demand, exchange, group, session, spec, succeeded } from '../../sqlite/test/specs.ts'
import type { Claim, Lane } from '@millrace/core/store'
import type { PostgresStore } from '../src/index.ts'

withServer()

const UNDER_KEY: Lane = {
  partition: 's',
  fifo: true,
  limits: [{ name: 'api', key: 'k', cost: 1 }],
  prefers: [],
  spillMs: 0,
}

async function opened(store: PostgresStore): Promise<(tasksMax?: number) => Promise<readonly Claim[]>> {
  const { session: id } = session()
  await store.openSession(session({ session: id }))
  const allowance = { concurrency: 1, rate: null }
  const limit = { name: 'api', version: null, allowance, shutMs: null, by: 'user' } as const
  await store.configureLimit({ ...limit, nonce: '0123456789abcdef' })
  return async (tasksMax = 5) => (await store.exchange(exchange(id, { demand: demand(tasksMax) }))).claims
}

async function used(store: PostgresStore): Promise<number> {
  const { limits } = await store.limits({ names: ['api'], limit: 1, cursor: null, keysMax: 1 })
  return limits[0]?.keys[0]?.used ?? 0
}

test('a success in a transaction gives back its slot and lets the next in order go on behind the commit', async () => {
  await using home = await openHome()
  const { store } = home
  const claim = await opened(store)
  const [first, second] = [spec({ lane: UNDER_KEY }), spec({ lane: UNDER_KEY })]
  await store.add({ groups: [group(first), group(second)], again: false })
  const [running] = await claim()
  expect(running?.id).toBe(first.id)
  await store.transactions.run(async (tx) => {
    expect((await store.transactions.settle(tx, succeeded(running!))).verdict).toBe('applied')
    // whoever enqueues into the same series meanwhile does not wait
    await store.add({ groups: [group(spec({ lane: { ...UNDER_KEY, limits: [] } }))], again: false })
    expect(await claim()).toEqual([])
  })
  await store.deliver({ tasksMax: 100 })
  expect(await used(store)).toBe(0)
  expect((await claim()).map(({ id }) => id)).toEqual([second.id])
  expect((await store.recount()).mended).toEqual([])
})

test('what is enqueued in transactions stands in its series in the order in which they are taken up', async () => {
  await using home = await openHome()
  const { store } = home
  const claim = await opened(store)
  const [early, late] = [spec({ lane: UNDER_KEY }), spec({ lane: UNDER_KEY })]
  const client = new pg.Client({ connectionString: serverOf().url })
  await client.connect()
  await client.query('BEGIN')
  await store.transactions.add(client, group(early))
  await store.add({ groups: [group(late)], again: false })
  const [running] = await claim()
  expect(running?.id).toBe(late.id)
  await client.query('COMMIT')
  await client.end()
  await store.deliver({ tasksMax: 100 })
  expect(await claim()).toEqual([])
  const { session: other } = session({ session: randomUUID() })
  await store.openSession(session({ session: other }))
  await store.exchange(exchange(other, { settlements: [succeeded(running!)] }))
  expect((await claim()).map(({ id }) => id)).toEqual([early.id])
})

test('keys of which nothing is used are forgotten, with limits that nobody has set', async () => {
  await using home = await openHome()
  const { store, schema } = home
  const claim = await opened(store)
  await store.add({ groups: [group(spec({ lane: UNDER_KEY }))], again: false })
  const [running] = await claim()
  const prune = { succeededMs: null, cancelledMs: null, failedMs: null, count: null, bytes: null }
  const keys = async (): Promise<number> => {
    await store.prune({ tasksMax: 10, retention: prune })
    const client = new pg.Client({ connectionString: serverOf().url })
    await client.connect()
    const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${schema}.limit_keys`)
    await client.end()
    return Number(rows[0]?.n)
  }
  expect(await keys()).toBe(1)
  const { session: other } = session({ session: randomUUID() })
  await store.exchange(exchange(other, { settlements: [succeeded(running!)] }))
  expect(await keys()).toBe(0)
})

test('one that was cancelled before it was taken up, and is started over, stands in its series', async () => {
  await using home = await openHome()
  const { store } = home
  const claim = await opened(store)
  const [first, second] = [spec({ lane: UNDER_KEY }), spec({ lane: UNDER_KEY })]
  const client = new pg.Client({ connectionString: serverOf().url })
  await client.connect()
  await client.query('BEGIN')
  await store.transactions.add(client, group(first))
  await client.query('COMMIT')
  const target = { target: { ids: [first.id] }, tasksMax: 1 }
  const cancel = { kind: 'cancel', reason: null } as const
  await store.command({ ...target, nonce: '0000000000000001', command: cancel })
  await client.end()
  await store.deliver({ tasksMax: 100 })
  const retry = { kind: 'retry', payload: null } as const
  await store.command({ ...target, nonce: '0000000000000002', command: retry })
  await store.add({ groups: [group(second)], again: false })
  expect((await claim()).map(({ id }) => id)).toEqual([first.id])
})
