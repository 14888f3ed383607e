/** What a store says of its own failures: always in the words of the port, and never less than may have happened. */
import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import pg from 'pg'
import { afterEach, expect, test, vi } from 'vitest'
import { StoreError } from '@millrace/core'
import { PostgresStore } from '../src/index.ts'
import { serverOf, sql, withServer } from './home.ts'
import { demand, exchange, group, groups, session, spec, succeeded } from '../../sqlite/test/specs.ts'
import { Database } from '../src/database.ts'
import type { PostgresPool, QueryConfig, QueryResult } from '../src/driver.ts'

withServer()

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

function newSchema(): string {
  return `a_${randomUUID().slice(0, 8)}`
}

async function opened(options: ConstructorParameters<typeof PostgresStore>[0]): Promise<PostgresStore> {
  const store = new PostgresStore(options)
  await store.open()
  open.push(() => store.close())
  return store
}

/** A pool that lends so many connections, and then fails until it is told otherwise. */
function meanPool(): PostgresPool & { left: number } {
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 3 })
  open.push(() => pool.end())
  const mean = {
    left: Infinity,
    connect: (): Promise<never> =>
      mean.left-- > 0
        ? (pool.connect() as Promise<never>)
        : Promise.reject(new Error('no connection for you')),
  }
  return mean
}

test('what a server refuses is an error of the port, whatever was asked', async () => {
  const schema = newSchema()
  const store = await opened({ url: serverOf().url, schema })
  const request = session()
  await store.openSession(request)
  await store.add({ groups: groups(1), again: false })
  const { claims } = await store.exchange(exchange(request.session, { demand: demand(1) }))
  await sql(`DROP SCHEMA ${schema} CASCADE`)
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    now: () => store.now(),
    get: () => store.get([randomUUID()]),
    outcomes: () => store.outcomes({ ids: [randomUUID()], bytesMax: 1 }),
    list: () => store.list({ filter: {}, limit: 1, cursor: null }),
    queues: () => store.queues(),
    sessions: () => store.sessions(),
    definitions: () => store.definitions(),
    openSession: () => store.openSession(session()),
    closeSession: () => store.closeSession(request.session),
    renew: () => store.renew({ session: request.session, ttlMs: 1_000, seq: 1, held: [], awaiting: [] }),
    add: () => store.add({ groups: groups(1), again: false }),
    'add of another queue': () => store.add({ groups: groups(1, { queue: 'other' }), again: false }),
    exchange: () => store.exchange(exchange(request.session, { demand: demand(1) })),
    settle: () => store.exchange(exchange(request.session, { settlements: claims.map(succeeded) })),
    sweep: () => store.sweep({ tasksMax: 1 }),
    configureQueue: () => store.configureQueue({ queue: 'else', paused: true }),
  }
  const codes: Record<string, unknown> = {}
  for (const [name, call] of Object.entries(calls)) {
    const error: unknown = await call().then(
      () => 'no error',
      (reason: unknown) => reason,
    )
    codes[name] = error instanceof StoreError ? error.code : error
  }
  expect(codes).toEqual(Object.fromEntries(Object.keys(calls).map((name) => [name, 'store-schema'])))
})

test('a settlement that waits for a lock for too long is busy, and had no effect', async () => {
  const schema = newSchema()
  const store = await opened({ url: serverOf().url, schema })
  const request = session()
  await store.openSession(request)
  await store.add({ groups: groups(1), again: false })
  const { claims } = await store.exchange(exchange(request.session, { demand: demand(1) }))
  const client = new pg.Client({ connectionString: serverOf().url })
  await client.connect()
  open.push(() => client.end())
  await client.query(`BEGIN; SELECT id FROM ${schema}.live FOR UPDATE`)
  const settling = store.exchange(exchange(request.session, { settlements: claims.map(succeeded) }))
  await expect(settling).rejects.toMatchObject({ name: 'StoreError', code: 'store-busy', effect: 'none' })
})

test('a claim whose answer cannot be read may have had its effect', async () => {
  const pool = meanPool()
  const schema = newSchema()
  const producer = await opened({ url: serverOf().url, schema })
  const store = await opened({ pool, schema })
  const request = session()
  await store.openSession(request)
  await producer.add({ groups: groups(1), again: false })
  const asked = exchange(request.session, { demand: demand(1) })
  pool.left = 1
  await expect(store.exchange(asked)).rejects.toMatchObject({ effect: 'unknown' })
  pool.left = Infinity
  const { claims } = await store.exchange({ ...asked, again: true })
  expect(claims).toHaveLength(1)
})

test('a take-over whose answer cannot be read may have had its effect', async () => {
  const pool = meanPool()
  const schema = newSchema()
  const producer = await opened({ url: serverOf().url, schema })
  const store = await opened({ pool, schema })
  const [gone, request] = [session(), session()]
  await producer.openSession(gone)
  await producer.add({ groups: groups(1), again: false })
  await producer.exchange(exchange(gone.session, { demand: demand(1) }))
  await producer.closeSession(gone.session)
  await store.openSession(request)
  const asked = {
    session: request.session,
    nonce: '0123456789abcdef',
    again: false,
    tasksMax: 10,
    graceMs: 0,
  }
  // the names of types are learned behind the take-over
  pool.left = 1
  await expect(store.reclaim(asked)).rejects.toMatchObject({ effect: 'unknown' })
  pool.left = Infinity
  expect((await store.reclaim({ ...asked, again: true })).tasks).toHaveLength(1)
})

test('an outcome whose result was removed between two looks does not say that there was none', async () => {
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 3 })
  open.push(() => pool.end())
  const schema = newSchema()
  const store = await opened({ pool, schema })
  const request = session()
  await store.openSession(request)
  await store.add({ groups: groups(1), again: false })
  const { claims } = await store.exchange(exchange(request.session, { demand: demand(1) }))
  await store.exchange(exchange(request.session, { settlements: claims.map(succeeded) }))
  const asked = { ids: claims.map(({ id }) => id), bytesMax: 1_000 }
  expect(await store.outcomes(asked)).toMatchObject([{ state: 'succeeded', type: 'work', result: 'true' }])
  const connect = pool.connect.bind(pool)
  let looks = 0
  Object.assign(pool, {
    connect: async (): Promise<unknown> => {
      if (++looks === 2) await sql(`DELETE FROM ${schema}.final`)
      return connect()
    },
  })
  expect(await store.outcomes(asked)).toMatchObject([{ state: 'succeeded', type: null, result: null }])
})

test('an add that has written some of its groups does not say that it had no effect', async () => {
  const pool = meanPool()
  const store = await opened({ pool, schema: newSchema() })
  await store.add({ groups: groups(1), again: false })
  const [first, second] = [spec(), spec({ held: true })]
  pool.left = 1
  const adding = store.add({ groups: [group(first), group(second)], again: false })
  await expect(adding).rejects.toMatchObject({ effect: 'unknown' })
  pool.left = Infinity
  expect((await store.get([first.id, second.id])).map((task) => task?.state)).toEqual(['pending', undefined])
})

test('what the driver throws instead of rejecting is an error of the port, and names no password', async () => {
  const urls = [
    'postgres://me:se%cret@127.0.0.1:1/x',
    'postgres://me:secret@127.0.0.1:1/x?sslrootcert=/no/such/file',
  ]
  for (const url of urls) {
    const error: unknown = await new PostgresStore({ url }).open().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StoreError)
    expect(inspect(error)).not.toContain('cret')
  }
})

test('a transaction on a slow server ends in time, whichever of its statements is the slow one', async () => {
  vi.useFakeTimers()
  open.push(async () => void vi.useRealTimers())
  const delays = [2_000, 2_000, Infinity]
  const client = {
    on: () => undefined,
    release: () => undefined,
    async query({ query_timeout: patience = Infinity }: QueryConfig): Promise<QueryResult> {
      const delay = delays.shift() ?? 0
      await vi.advanceTimersByTimeAsync(Math.min(delay, patience))
      if (delay >= patience) throw new Error('Query read timeout')
      return { rows: [[1]], rowCount: 1 }
    },
  }
  const connect = async (): Promise<typeof client> => {
    await vi.advanceTimersByTimeAsync(2_900)
    return client
  }
  const database = new Database({ pool: { connect }, schema: 'any', prepare: true })
  const begun = performance.now()
  const ending = database.transaction((connection) => connection.rows('SELECT 1'))
  await expect(ending).rejects.toMatchObject({ effect: 'unknown' })
  expect(performance.now() - begun).toBeLessThan(10_000)
})

test('a connection that is lost while a refused transaction is rolled back is an error of the port', async () => {
  const answers = [
    { rows: [[1]], rowCount: 1 },
    Object.assign(new Error('no'), { code: '55P03' }),
    Object.assign(new Error('lost'), { code: 'ECONNRESET' }),
  ]
  const client = {
    on: () => undefined,
    release: () => undefined,
    query: async (): Promise<QueryResult> => {
      const answer = answers.shift()!
      if (answer instanceof Error) throw answer
      return answer
    },
  }
  const database = new Database({ pool: { connect: async () => client }, schema: 'any', prepare: true })
  const refused = database.transaction((connection) => connection.rows('SELECT 1'))
  await expect(refused).rejects.toMatchObject({ name: 'StoreError', effect: 'none' })
})
