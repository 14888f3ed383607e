/** The user's own pool, and poolers. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, test } from 'vitest'
import { PostgresStore } from '../src/index.ts'
import { serverOf, withServer } from './home.ts'
import { demand, exchange, groups, session, succeeded } from '../../sqlite/test/specs.ts'

withServer()

async function live(store: PostgresStore): Promise<void> {
  const request = session()
  await store.openSession(request)
  await store.add({ groups: groups(50), again: false })
  const { claims } = await store.exchange(exchange(request.session, { demand: demand(50) }))
  const { verdicts } = await store.exchange(exchange(request.session, { settlements: claims.map(succeeded) }))
  expect(verdicts).toEqual(Array.from({ length: 50 }, () => 'applied'))
}

test("the user's own pool is used, and left open", async () => {
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 3 })
  const store = new PostgresStore({ pool, schema: `o_${randomUUID().slice(0, 8)}` })
  await store.open()
  const hints = store.watch()
  await hints.next()
  await live(store)
  expect((await hints.next()).value).toMatchObject({ ready: true })
  await store.close()
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  await pool.end()
})

test.each([1, 3])(
  "connections are made anew over the user's own pool of %i, which stays as it is",
  async (max) => {
    const pool = new pg.Pool({ connectionString: serverOf().url, max })
    const store = new PostgresStore({ pool, schema: `o_${randomUUID().slice(0, 8)}` })
    await store.open()
    const hints = store.watch()
    await hints.next()
    await store.reconnect()
    await live(store)
    expect((await hints.next()).value).toMatchObject({ ready: true })
    await store.close()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(pool.totalCount).toBe(pool.idleCount)
    await pool.end()
  },
)

test('a pool that has no connection left is not waited for without end', async () => {
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 1 })
  const store = new PostgresStore({ pool, schema: `o_${randomUUID().slice(0, 8)}` })
  await store.open()
  const taken = await pool.connect()
  await expect(store.queues()).rejects.toMatchObject({ code: 'store-unavailable', effect: 'none' })
  taken.release()
  expect(await store.queues()).toEqual([])
  await store.close()
  await pool.end()
})

test('a pool of one connection works while somebody watches', async () => {
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 1 })
  const schema = `o_${randomUUID().slice(0, 8)}`
  const store = new PostgresStore({ pool, schema })
  const other = new PostgresStore({ url: serverOf().url, schema })
  await store.open()
  await other.open()
  const hints = store.watch()
  await hints.next()
  await live(store)
  await hints.next()
  await live(other)
  expect((await hints.next()).value).toMatchObject({ ready: true, settled: true })
  await Promise.all([store.close(), other.close()])
  await pool.end()
})

test('without prepared statements none is left behind on a connection', async () => {
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 1 })
  const store = new PostgresStore({ pool, schema: `o_${randomUUID().slice(0, 8)}`, prepare: false })
  await store.open()
  await live(store)
  expect((await pool.query('SELECT name FROM pg_prepared_statements')).rows).toEqual([])
  await store.close()
  await pool.end()
})

test('a lone claim does not wait for the disk, and what comes behind it on its connection does again', async () => {
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 1 })
  const heard: string[] = []
  pool.on('connect', (client) => client.on('notice', ({ message }) => heard.push(String(message))))
  const schema = `o_${randomUUID().slice(0, 8)}`
  const store = new PostgresStore({ pool, schema })
  await store.open()
  const tell = `RAISE NOTICE '% %', TG_OP, current_setting('synchronous_commit'); RETURN NULL`
  await pool.query(`CREATE FUNCTION ${schema}.told() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN ${tell}; END$$;
    CREATE TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON ${schema}.live EXECUTE FUNCTION ${schema}.told()`)
  await live(store)
  expect([...new Set(heard)]).toEqual(['INSERT on', 'UPDATE off', 'DELETE on'])
  await store.close()
  await pool.end()
})

test('a schema with a name as long as names may be has hints', async () => {
  const schema = `o_${randomUUID()}`.padEnd(63, 'o')
  const [writer, listener] = [0, 1].map(() => new PostgresStore({ url: serverOf().url, schema }))
  for (const store of [writer, listener]) await store!.open()
  let heard = false
  for await (const hint of listener!.watch()) {
    // whoever does not know says that everything may have changed
    heard = hint.ready && !hint.settled && !hint.cancel
    if (heard) break
    await writer!.add({ groups: groups(1), again: false })
  }
  expect(heard).toBe(true)
  await Promise.all([writer, listener].map((store) => store!.close()))
})
