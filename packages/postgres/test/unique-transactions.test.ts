/** Unique keys in transactions of the user's, and what strangers notice of it. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defineTask, TransactionalMill, unchecked } from '@millrace/core'
import { PostgresStore, type PgTransaction } from '../src/index.ts'
import { serverOf, sql, withServer } from './home.ts'

withServer()

const input = unchecked<string>()
const retry = { attempts: 3, backoff: 'fixed', base: 0 } as const
const key = (given: string): string => given
const windowed = defineTask('windowed', { input, unique: { key, within: '1h', then: 'reject' } })
const waiting = defineTask('waiting', { input, retry, unique: { key, while: 'waiting', then: 'reject' } })
const replacing = defineTask('replacing', { input, unique: { key, then: 'replace' } })
const logger = { debug() {}, info() {}, warn() {}, error() {} }

let pool: pg.Pool
let mill: TransactionalMill<PgTransaction>

beforeAll(async () => {
  pool = new pg.Pool({ connectionString: serverOf().url, max: 12 })
  const schema = `tx_${randomUUID().slice(0, 8)}`
  mill = new TransactionalMill<PgTransaction>(new PostgresStore({ pool, schema }), { logger })
  await mill.open()
})
afterAll(async () => {
  await mill.close()
  await pool.end()
  const open = `SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`
  while ((await sql(open)).length > 0);
})

async function begun(): Promise<pg.PoolClient> {
  const client = await pool.connect()
  await client.query('BEGIN')
  return client
}

async function ended(client: pg.PoolClient, how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  await client.query(how)
  client.release()
}

describe('a window', () => {
  test('begins with the commit, and never was after a rollback', async () => {
    const undone = await begun()
    await mill.within(undone).enqueue(windowed, 'a')
    await ended(undone, 'ROLLBACK')
    const tx = await begun()
    const handle = await mill.within(tx).enqueue(windowed, 'a')
    await ended(tx, 'COMMIT')
    await expect(mill.enqueue(windowed, 'a')).rejects.toMatchObject({ code: 'unique', by: { id: handle.id } })
    await handle.cancel()
    const late = await begun()
    const answer = mill.within(late).enqueue(windowed, 'a')
    await expect(answer).rejects.toMatchObject({ code: 'unique', by: { id: handle.id, state: 'cancelled' } })
    await ended(late, 'COMMIT')
  })

  test('that another transaction begins is waited for, and that of another key is not', async () => {
    const [one, other] = [await begun(), await begun()]
    const first = await mill.within(one).enqueue(windowed, 'contested')
    const second = Promise.resolve(mill.within(other).enqueue(windowed, 'contested'))
    second.catch(() => undefined) // it may be refused before the commit is heard of here
    expect((await mill.enqueue(windowed, 'free')).outcome).toBe('created')
    await ended(one, 'COMMIT')
    await expect(second).rejects.toMatchObject({ code: 'unique', by: { id: first.id } })
    await ended(other, 'COMMIT')
  })
})

test('what would replace is refused, and the transaction goes on', async () => {
  const there = await mill.enqueue(replacing, 'a')
  const tx = await begun()
  const answer = Promise.resolve(mill.within(tx).enqueue(replacing, 'a'))
  await expect(answer).rejects.toMatchObject({ code: 'invalid-argument' })
  const next = await mill.within(tx).enqueue(windowed, 'beside')
  await ended(tx, 'COMMIT')
  expect((await next.status()).state).toBe('ready')
  expect((await there.status()).state).toBe('ready')
})

test('a task that comes back does not wait for a transaction that is about to take its key', async () => {
  const [runs, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const handler = waiting.handler(async (_, ctx) => {
    if (ctx.attempt > 1) return
    runs.resolve()
    await goOn.promise
    throw new Error('as it happens')
  })
  await using worker = mill.worker({ handlers: handler, lease: '1s' })
  const errors: unknown[] = []
  worker.on('error', (event) => errors.push(event))
  worker.on('lost', (event) => errors.push(event))
  await worker.start()
  const first = await mill.enqueue(waiting, 'a')
  await runs.promise
  const tx = await begun()
  const second = await mill.within(tx).enqueue(waiting, 'a', { delay: '1h' })
  const since = performance.now()
  goOn.resolve()
  await first.result({ within: '5s' })
  expect(performance.now() - since).toBeLessThan(1_500)
  await ended(tx, 'COMMIT')
  await expect(mill.enqueue(waiting, 'a')).rejects.toMatchObject({ code: 'unique', by: { id: second.id } })
  expect(errors).toEqual([])
})
