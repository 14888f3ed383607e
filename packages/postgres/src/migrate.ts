/** Opening a database: which schemas are refused, and how an older one becomes today's. Nothing is written in a refusal. */
import { refusal, SQLSTATE, codeOfError, storeError } from './errors.ts'
import { checkSettings } from './settings.ts'
import {
  isAtomic,
  markOf,
  MIGRATIONS,
  quotedName,
  scriptOf,
  type Migration,
  type Step,
} from './migrations.ts'
import { storeErrorUnlessMistaken, type Database } from './database.ts'
import type { PoolClient } from './driver.ts'

/** How long another process that migrates is waited for. */
const PATIENCE_MS = 9_000
const PAUSE_MS = 50
/** How long a step waits for a lock of somebody else's: those who come behind it wait as long. */
const LOCK_MS = 500
/** After that they get their turn, before it is tried again. */
const TURN_MS = 500
/** How often a step is tried that others were in the way of. */
const TRIES_MAX = 9
/** How long a step in a transaction may take. */
const ATOMIC_MS = 60_000
/** How long an online step may take: an index of a large table takes its time, and nobody waits for it. */
const ONLINE_MS = 6 * 3_600_000

export interface OpenOptions {
  readonly migrate: boolean
  readonly unsafe: boolean
}

/** @throws StoreError */
export async function openDatabase(database: Database, options: OpenOptions): Promise<void> {
  await looking(database, async (client) => {
    await checkSettings(database, client, options)
    const version = await versionOf(database, client)
    if (version >= MIGRATIONS.length) return
    if (options.migrate) await migrate(database, client)
    else throw outdated(database.schema, version)
  })
}

/** Lends a connection for something other than the work with tasks. */
export async function looking<T>(database: Database, work: (client: PoolClient) => Promise<T>): Promise<T> {
  try {
    return await database.connected(work)
  } catch (error) {
    // whatever was begun can be begun again
    throw storeErrorUnlessMistaken(error, 'none')
  }
}

function outdated(schema: string, version: number): Error {
  const what = version === 0 ? 'has no tables of Millrace yet' : `has version ${version}`
  return refusal(
    'store-schema',
    `The schema ${schema} ${what}; this Millrace works with version ${MIGRATIONS.length}.`,
    'Run `millrace migrate`, or open the store once with `migrate: true`, as a user who may create tables.',
  )
}

/**
 * The version of the schema; 0: there is none. It reads only.
 *
 * @throws StoreError if code that knows these migrations cannot work with it
 */
export async function versionOf(
  database: Database,
  client: PoolClient,
  known: number = MIGRATIONS.length,
): Promise<number> {
  const name = literal(`${quotedName(database.schema)}.about`)
  const { rows } = await database.script(client, `SELECT to_regclass(${name}) IS NOT NULL`)
  if (!(rows as [boolean][])[0]![0]) return 0
  const about = await database.script(client, 'SELECT version, oldest FROM home.about')
  const [version = 0, oldest = 0] = (about.rows as [number, number][])[0] ?? []
  if (oldest <= known) return version
  throw refusal(
    'store-schema',
    `The schema ${database.schema} has version ${version}, for code that knows version ${oldest} at least; this Millrace knows ${known}.`,
    'Upgrade Millrace in this process: a newer one has migrated the database.',
  )
}

/**
 * Brings the schema up to date. Another process may do the same at this moment: the lock decides who is first.
 *
 * @param migrations for tests
 * @throws StoreError; what a refused statement answered
 */
export async function migrate(
  database: Database,
  client: PoolClient,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  for (let tries = 1; ;) {
    try {
      if ((await migrateOnce(database, client, migrations)) === 'done') return
      tries = 1
    } catch (error) {
      const inTheWay = codeOfError(error) === SQLSTATE.lockTimeout
      if (!inTheWay || tries++ === TRIES_MAX) throw error
      await pause(TURN_MS)
    }
  }
}

/** One version on. */
async function migrateOnce(
  database: Database,
  client: PoolClient,
  migrations: readonly Migration[],
): Promise<'done' | 'more'> {
  return locked(database, client, async () => {
    const version = await versionOf(database, client, migrations.length)
    const migration = migrations[version]
    if (migration === undefined) return { answer: 'done', end: 'ROLLBACK' }
    if (version === 0) await createSchema(database, client)
    if (isAtomic(migration))
      for (const step of migration.steps) await database.script(client, scriptOf(step), ATOMIC_MS)
    else await database.connected((worker) => runApart(database, worker, migration.steps))
    await database.script(client, markOf(version + 1, migration))
    return { answer: 'more', end: 'COMMIT' }
  })
}

/** Does all that can be taken back, and takes it back. */
export async function rehearse(
  database: Database,
  client: PoolClient,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  await locked(database, client, async () => {
    const version = await versionOf(database, client, migrations.length)
    if (version === 0) await createSchema(database, client)
    for (const [index, migration] of migrations.slice(version).entries()) {
      for (const step of migration.steps) {
        if (step.manner === 'online') return { answer: undefined, end: 'ROLLBACK' }
        await database.script(client, scriptOf(step), ATOMIC_MS)
      }
      await database.script(client, markOf(version + index + 1, migration))
    }
    return { answer: undefined, end: 'ROLLBACK' }
  })
}

async function createSchema(database: Database, client: PoolClient): Promise<void> {
  const name = quotedName(database.schema)
  const { rows } = await database.script(client, `SELECT to_regnamespace(${literal(name)}) IS NOT NULL`)
  if (!(rows as [boolean][])[0]![0]) await database.script(client, `CREATE SCHEMA ${name}`)
}

interface Ending<T> {
  readonly answer: T
  readonly end: 'COMMIT' | 'ROLLBACK'
}

/**
 * Does some work in a transaction that holds the lock of those who migrate. The lock is asked for again and again: an
 * index that is made online waits for all statements under way, and so would wait for one that waits for the lock.
 */
async function locked<T>(database: Database, client: PoolClient, work: () => Promise<Ending<T>>): Promise<T> {
  const limits = `SET LOCAL statement_timeout = ${ATOMIC_MS}; SET LOCAL lock_timeout = ${LOCK_MS}`
  await database.script(client, `BEGIN; ${limits}; SET LOCAL idle_in_transaction_session_timeout = 0`)
  try {
    await takeLock(database, client)
    const { answer, end } = await work()
    await database.script(client, end)
    return answer
  } catch (error) {
    await database.script(client, 'ROLLBACK').catch(() => undefined) // what went wrong first is told
    throw error
  }
}

async function takeLock(database: Database, client: PoolClient): Promise<void> {
  const key = `hashtextextended(${literal(`millrace ${database.schema}`)}, 0)`
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const { rows } = await database.script(client, `SELECT pg_try_advisory_xact_lock(${key})`)
    if ((rows as [boolean][])[0]![0]) return
    if (performance.now() > end) break
    await pause(PAUSE_MS)
  }
  throw storeError(
    Object.assign(new Error('another process migrates the schema'), { code: SQLSTATE.lockTimeout }),
    'none',
  )
}

/** Each step is there for all when it is done. */
async function runApart(database: Database, worker: PoolClient, steps: readonly Step[]): Promise<void> {
  try {
    for (const { manner, statements } of steps) {
      const online = manner === 'online'
      await database.script(
        worker,
        online
          ? 'SET statement_timeout = 0; SET lock_timeout = 0'
          : `SET statement_timeout = ${ATOMIC_MS}; SET lock_timeout = ${LOCK_MS}`,
      )
      if (online) for (const one of statements) await database.script(worker, one, ONLINE_MS)
      else await database.script(worker, scriptOf({ manner, statements }), ATOMIC_MS)
    }
  } finally {
    // one on which this fails is not used again
    await database.script(worker, 'RESET statement_timeout; RESET lock_timeout').catch(() => undefined)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
