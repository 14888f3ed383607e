/** Transactions that are left open, interrupted, or whose commit is not answered. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { defineTask, TransactionalMill, unchecked } from '@millrace/core'
import { PostgresStore, type PgTransaction, type PostgresPool } from '../src/index.ts'
import { serverOf, sql, withServer } from './home.ts'

withServer()

const note = defineTask('note', { input: unchecked<number>(), output: unchecked<number>(), retry: false })
const held = defineTask('held', { input: unchecked<number>(), output: unchecked<number>(), retry: false })
const keyed = defineTask('keyed', { input: unchecked<string>(), unique: { key: (k) => k, then: 'reject' } })
const logger = { debug() {}, info() {}, warn() {}, error() {} }
const table = `effects_${randomUUID().slice(0, 8)}`
const schema = `tx_${randomUUID().slice(0, 8)}`

let pool: pg.Pool
/** What happens to the next COMMIT of a handler's transaction. */
let commits: 'as ever' | 'without an answer' | 'never' = 'as ever'
let mill: TransactionalMill<PgTransaction>

/** The pool, with a line that may break at a commit. */
function unsteady(): PostgresPool {
  const unsteadied = new WeakSet<pg.PoolClient>()
  return {
    options: { max: 14 },
    connect: async () => {
      const client = await pool.connect()
      if (unsteadied.has(client)) return client
      unsteadied.add(client)
      const query = client.query.bind(client) as (...values: unknown[]) => Promise<pg.QueryResult>
      const wrapped = async (...values: unknown[]): Promise<pg.QueryResult> => {
        const [config] = values as [{ readonly text?: string }]
        if (config.text !== 'COMMIT' || commits === 'as ever' || !hasRun.has(client)) return query(...values)
        const how = commits
        commits = 'as ever'
        if (how === 'without an answer') await query(...values)
        throw new Error('Connection terminated unexpectedly')
      }
      Object.assign(client, { query: wrapped })
      return client
    },
  } as unknown as PostgresPool
}

/** Clients that a handler has had for its work. */
const hasRun = new WeakSet<object>()

beforeAll(async () => {
  await sql(`CREATE TABLE ${table}(id text)`)
  pool = new pg.Pool({ connectionString: serverOf().url, max: 14 })
  mill = new TransactionalMill<PgTransaction>(new PostgresStore({ pool: unsteady(), schema }), { logger })
  await mill.open()
})
beforeEach(async () => {
  await sql(
    `DELETE FROM ${table}; DELETE FROM ${schema}.live; DELETE FROM ${schema}.edges; DELETE FROM ${schema}.late_edges`,
  )
})
afterAll(async () => {
  await mill.close()
  await pool.end()
  const open = `SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`
  while ((await sql(open)).length > 0);
})

async function effects(): Promise<number> {
  return (await sql(`SELECT 1 FROM ${table}`)).length
}

async function timed<T>(work: Promise<T>): Promise<number> {
  const since = performance.now()
  await work
  return performance.now() - since
}

describe('a transaction that is left open', () => {
  test('stalls no stranger', async () => {
    const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const handlers = [
      note.handler((n) => n),
      keyed.handler(() => undefined),
      held.handler<PgTransaction>(async (n, ctx) => {
        // its outcome is written, and its row locked, for as long as this takes
        const tx = await pool.connect()
        await tx.query('BEGIN')
        await ctx.within(tx).complete(n)
        begun.resolve()
        await goOn.promise
        await tx.query('COMMIT')
        tx.release()
        return n
      }),
    ]
    await using worker = mill.worker({ handlers, concurrency: 20, lease: '1s' })
    const troubles: unknown[] = []
    worker.on('error', (event) => troubles.push(event))
    worker.on('lost', (event) => troubles.push(event))
    await worker.start()
    const parent = await mill.enqueue(note, 0, { delay: '1h' })
    const completing = await mill.enqueue(held, 7)
    await begun.promise
    const tx = await pool.connect()
    await tx.query('BEGIN')
    await tx.query(`INSERT INTO ${table} VALUES ('open')`)
    const within = mill.within(tx)
    await within.enqueueMany([note.with(1), note.with(2, { after: [parent] }), keyed.with('of the guest')])
    const child = await within.enqueue(note, 3, { after: [parent] })
    const open = performance.now()
    const strangers = Array.from({ length: 100 }, async (_, index) => {
      const one = await mill.enqueue(note, index)
      const key = await mill.enqueue(keyed, `stranger ${index}`)
      const after = await mill.enqueue(note, index, { after: [one, key] })
      // a child of the very parent that the guest's tasks wait for
      if (index === 50) await mill.enqueue(note, index, { after: [parent] })
      return after.result({ within: '10s' })
    })
    const waits = await Promise.all(strangers.map(timed))
    // a lock of anybody would be waited for two seconds
    expect(Math.max(...waits)).toBeLessThan(1_900)
    // renewals, sweeps and take-overs of more than one lease go on beside it
    while (performance.now() - open < 3_000) {
      expect(await timed(mill.call(note, 1, { within: '5s' }))).toBeLessThan(1_000)
    }
    expect(troubles).toEqual([])
    await tx.query('COMMIT')
    tx.release()
    goOn.resolve()
    expect(await completing.result({ within: '5s' })).toBe(7)
    await parent.cancel()
    await expect.poll(async () => (await child.status()).state).toBe('cancelled')
    expect(await effects()).toBe(1)
  })

  test('of a worker whose lease has lapsed keeps nobody from taking over what else it held', async () => {
    const begun = Promise.withResolvers<void>()
    const tx = await pool.connect()
    const deaf = mill.worker({
      handlers: [
        held.handler<PgTransaction>(async (n, ctx) => {
          await tx.query('BEGIN')
          await ctx.within(tx).complete(n)
          begun.resolve()
          await new Promise<void>(() => undefined)
          return n
        }),
        keyed.handler(() => new Promise<void>(() => undefined)),
      ],
      lease: '1s',
      concurrency: 2,
    })
    await deaf.start()
    const other = await mill.enqueue(keyed, 'held by the deaf')
    const locked = await mill.enqueue(held, 1)
    await begun.promise
    await expect.poll(async () => (await other.status()).state).toBe('running')
    // as if its process had been frozen
    await sql(`UPDATE ${schema}.sessions SET expires_at = 0`)
    await using worker = mill.worker({ handlers: [keyed.handler(() => undefined)], lease: '1s' })
    await worker.start()
    await other.result({ within: '10s' })
    expect(await locked.status()).toMatchObject({ state: 'running' })
    await tx.query('ROLLBACK')
    tx.release()
    await deaf.stop({ drain: 0 })
  })
})

describe('a commit', () => {
  function handlerOf(attempts: number[]) {
    const twice = defineTask(`twice.${randomUUID()}`, {
      input: unchecked<number>(),
      output: unchecked<number>(),
      retry: { attempts: 2, delay: () => 0 },
    })
    const handler = twice.handler<PgTransaction>((n, ctx) =>
      ctx.transaction(async (tx) => {
        attempts.push(ctx.attempt)
        hasRun.add(tx)
        await tx.query(`INSERT INTO ${table} VALUES ('${ctx.task.id}')`)
        return n
      }),
    )
    return { twice, handler }
  }

  test.each([
    ['without an answer', [1]],
    ['never', [1, 2]],
  ] as const)('that is carried out %s is found out about', async (how, expected) => {
    const attempts: number[] = []
    const { twice, handler } = handlerOf(attempts)
    commits = how
    await using worker = mill.worker({ handlers: handler })
    await worker.start()
    expect(await mill.call(twice, 5, { within: '15s' })).toBe(5)
    expect(attempts).toEqual(expected)
    expect(await effects()).toBe(1)
    expect(commits).toBe('as ever')
  })
})

describe('while a handler is in its transaction', () => {
  test('a time limit that it ignores ends the attempt, and what it does later is rolled back', async () => {
    const short = defineTask('short', { input: unchecked<number>(), timeout: '100ms', retry: false })
    const late = Promise.withResolvers<unknown>()
    const goOn = Promise.withResolvers<void>()
    const handler = short.handler<PgTransaction>(async (_, ctx) => {
      const done = ctx.transaction(async (tx) => {
        await tx.query(`INSERT INTO ${table} VALUES ('late')`)
        await goOn.promise
      })
      await done.catch(late.resolve)
    })
    await using worker = mill.worker({ handlers: handler })
    await worker.start()
    const handle = await mill.enqueue(short, 1)
    await expect(handle.result({ within: '10s' })).rejects.toMatchObject({ reason: 'timeout' })
    goOn.resolve()
    expect(await late.promise).toMatchObject({ code: 'fenced' })
    expect(await effects()).toBe(0)
  })

  test('a cancel request asks it to stop; if it commits all the same, it has succeeded', async () => {
    const asked = Promise.withResolvers<void>()
    const handler = note.handler<PgTransaction>((n, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.query(`INSERT INTO ${table} VALUES ('cancel')`)
        asked.resolve()
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }))
        if (n === 1) throw new Error('stopped')
        return n
      }),
    )
    await using worker = mill.worker({ handlers: handler, lease: '1s' })
    await worker.start()
    const good = await mill.enqueue(note, 2)
    await asked.promise
    expect(await good.cancel()).toBe('requested')
    expect(await good.result({ within: '10s' })).toBe(2)
    const bad = await mill.enqueue(note, 1)
    await expect.poll(async () => (await bad.status()).state).toBe('running')
    await bad.cancel()
    await expect(bad.result({ within: '10s' })).rejects.toMatchObject({ code: 'task-cancelled' })
    expect(await effects()).toBe(1)
  })

  test('a stop that does not wait rolls it back and returns the task', async () => {
    const asked = Promise.withResolvers<void>()
    const handler = note.handler<PgTransaction>((n, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.query(`INSERT INTO ${table} VALUES ('stop')`)
        asked.resolve()
        await new Promise((_, reject) =>
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error)),
        )
        return n
      }),
    )
    const worker = mill.worker({ handlers: handler })
    await worker.start()
    const handle = await mill.enqueue(note, 1)
    await asked.promise
    await worker.stop({ drain: 0 })
    expect(await handle.status()).toMatchObject({ state: 'ready', attempt: 1 })
    expect(await effects()).toBe(0)
  })

  test('a stop waits for it, and for what it commits', async () => {
    const asked = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const handler = note.handler<PgTransaction>((n, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.query(`INSERT INTO ${table} VALUES ('stop')`)
        asked.resolve()
        await goOn.promise
        return n
      }),
    )
    const worker = mill.worker({ handlers: handler })
    await worker.start()
    const handle = await mill.enqueue(note, 1)
    await asked.promise
    const stopped = worker.stop()
    goOn.resolve()
    await stopped
    expect(await handle.status()).toMatchObject({ state: 'succeeded' })
    expect(await effects()).toBe(1)
  })

  test('handlers without end to their transactions leave the store its connections', async () => {
    const goOn = Promise.withResolvers<void>()
    const handler = note.handler<PgTransaction>((n, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.query('SELECT 1')
        await goOn.promise
        return n
      }),
    )
    await using worker = mill.worker({ handlers: handler, concurrency: 14, lease: '1s' })
    await worker.start()
    const handles = await mill.enqueueMany(
      Array.from({ length: 14 }, (_, n) => note.with(n)),
      { atomic: true },
    )
    const lost: unknown[] = []
    worker.on('lost', (event) => lost.push(event))
    await expect.poll(async () => (await handles[13]!.status()).state).toBe('running')
    const since = performance.now()
    while (performance.now() - since < 2_500) await mill.enqueue(keyed, randomUUID())
    goOn.resolve()
    for (const [n, handle] of handles.entries()) expect(await handle.result({ within: '5s' })).toBe(n)
    expect(lost).toEqual([])
  })
})

test('a pool that has nothing to spare for handlers is refused, and says what to do', async () => {
  const small = new pg.Pool({ connectionString: serverOf().url, max: 3 })
  const store = new PostgresStore({ pool: small, schema })
  await store.open()
  await expect(store.transactions.run(() => Promise.resolve())).rejects.toMatchObject({
    code: 'store-unavailable',
    effect: 'final',
    hint: expect.stringContaining('three connections more') as string,
  })
  await store.close()
  await small.end()
})

test('a task whose completion was rolled back is taken over when its worker dies, also if the others of its claim are done', async () => {
  const quick = defineTask('quick', { input: unchecked<number>(), output: unchecked<number>() })
  const back = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  let calls = 0
  const dying = mill.worker({
    handlers: [
      held.handler<PgTransaction>(async (n, ctx) => {
        // under its next lease it may be the one that takes it over
        if (calls++ > 0) return n
        const tx = await pool.connect()
        await tx.query('BEGIN')
        await ctx.within(tx).complete(n)
        await tx.query('ROLLBACK')
        tx.release()
        back.resolve()
        await new Promise<void>(() => undefined)
        return n
      }),
      quick.handler((n) => goOn.promise.then(() => n)),
    ],
    lease: '1s',
  })
  // one claim for both
  const [slow, other] = await mill.enqueueMany([held.with(1), quick.with(2)], { atomic: true })
  await dying.start()
  await back.promise
  goOn.resolve()
  await other.result({ within: '5s' })
  await sql(`UPDATE ${schema}.sessions SET expires_at = 0`)
  await using worker = mill.worker({ handlers: [held.handler((n) => n)], lease: '1s' })
  await worker.start()
  expect(await slow.result({ within: '10s' })).toBe(1)
  await dying.stop({ drain: 0 })
})
