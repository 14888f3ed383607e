/** A process that produces or works in transactions, some of which it rolls back, until it is killed. */
import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { connect, type Mill } from 'millrace'
import { postgres, type PgTransaction } from 'millrace/postgres'
import { sqlite, type SqliteTransaction } from 'millrace/sqlite'
import { order, type Job, type Progress } from './tasks.ts'

/** Nobody reads what it logs: that its store is gone now and then is the point. */
const logger = { debug() {}, info() {}, warn() {}, error() {} }

const CONCURRENCY = 8
const INSERT_ORDER = 'INSERT INTO orders VALUES '
const INSERT_SHIPPED = 'INSERT INTO shipped VALUES '

/** How a transaction is meant to end. */
class RollBack extends Error {}

// without its parent nobody counts any more
process.on('disconnect', () => process.exit(1))

const { role, engine, place } = JSON.parse(process.argv[2]!) as Job
await (engine === 'postgres' ? onPostgres() : onSqlite())

async function onPostgres(): Promise<void> {
  const pool = new pg.Pool({ connectionString: place, max: 2 * CONCURRENCY, connectionTimeoutMillis: 3_000 })
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  const mill = await persistently(() => connect(postgres(pool), { logger }))
  if (role === 'work') return worked(handlerOnPostgres(pool), (options) => mill.worker(options))
  await Promise.all(
    Array.from({ length: CONCURRENCY }, () =>
      produce(() =>
        onClient(pool, async (tx) => {
          await writeOrders(
            (id) => tx.query(`${INSERT_ORDER}('${id}')`),
            async (ids) => {
              await mill.within(tx).enqueueMany(ids.map((id) => order.with({ id }, { id })))
            },
          )
        }),
      ),
    ),
  )
}

function handlerOnPostgres(pool: pg.Pool) {
  return order.handler<PgTransaction>(async ({ id }, ctx) => {
    if (Math.random() < 0.5) {
      return ctx.transaction(async (tx) => {
        await tx.query(`${INSERT_SHIPPED}('${id}')`)
        perhapsRollBack()
        return id
      })
    }
    await onClient(pool, async (tx) => {
      await tx.query(`${INSERT_SHIPPED}('${id}')`)
      await ctx.within(tx).complete(id)
      perhapsRollBack()
    })
    return id
  })
}

async function onClient(pool: pg.Pool, work: (tx: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect()
  let broken = true
  try {
    await client.query('BEGIN')
    await work(client)
    await client.query('COMMIT')
    broken = false
  } catch (error) {
    if (error instanceof RollBack) {
      await client.query('ROLLBACK')
      broken = false
    }
    throw error
  } finally {
    client.release(broken)
  }
}

async function onSqlite(): Promise<void> {
  const db = new DatabaseSync(place, { timeout: 2_000 })
  const mill = await persistently(() => connect(sqlite(db), { logger }))
  if (role === 'work') return worked(handlerOnSqlite(db), (options) => mill.worker(options))
  await produce(async () => {
    inTransaction(db, () => {
      const ids = newIds()
      for (const id of ids) db.exec(`${INSERT_ORDER}('${id}')`)
      mill.within(db).enqueueMany(ids.map((id) => order.with({ id }, { id })))
      perhapsRollBack()
    })
    // others want to write, too, this process's own store among them
    await new Promise((resolve) => setTimeout(resolve, 1))
  })
}

function handlerOnSqlite(db: DatabaseSync) {
  return order.handler<SqliteTransaction>(async ({ id }, ctx) => {
    if (Math.random() < 0.5) {
      return ctx.transaction((tx) => {
        tx.exec(`${INSERT_SHIPPED}('${id}')`)
        perhapsRollBack()
        return id
      })
    }
    inTransaction(db, () => {
      db.exec(`${INSERT_SHIPPED}('${id}')`)
      ctx.within(db).complete(id)
      perhapsRollBack()
    })
    return id
  })
}

function inTransaction(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    work()
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

async function worked<H>(
  handlers: H,
  workerOf: (options: {
    readonly handlers: H
    readonly concurrency: number
    readonly lease: '1s'
  }) => ReturnType<Mill['worker']>,
): Promise<void> {
  const worker = workerOf({ handlers, concurrency: CONCURRENCY, lease: '1s' })
  worker.on('error', () => undefined) // the store is gone now and then
  await persistently(() => worker.start())
}

/**
 * One transaction after the other. Those count that came to the end they were meant to have; what becomes of
 * one that fails is for the store and the rows to agree on.
 */
async function produce(once: () => Promise<void>): Promise<never> {
  for (;;) {
    try {
      await once()
    } catch (error) {
      if (!(error instanceof RollBack)) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        continue
      }
    }
    process.send!({ ended: 1 } satisfies Progress)
  }
}

async function writeOrders(
  write: (id: string) => Promise<unknown>,
  enqueue: (ids: readonly string[]) => Promise<void>,
): Promise<void> {
  const ids = newIds()
  for (const id of ids) await write(id)
  await enqueue(ids)
  perhapsRollBack()
}

function newIds(): readonly string[] {
  return Array.from({ length: Math.random() < 0.8 ? 1 : 3 }, () => randomUUID())
}

/** @throws RollBack half of the time */
function perhapsRollBack(): void {
  if (Math.random() < 0.5) throw new RollBack()
}

async function persistently<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50)) // the server is not up yet
    }
  }
}
