/** Opening a file: what is refused, and how an older schema becomes today's. Nothing is written in a refusal. */
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Database } from './database.ts'
import { readOnlyError, Refusal, storeError } from './failures.ts'
import { markOf, MIGRATIONS, type Migration } from './migrations.ts'
import { APPLICATION_ID } from './statements/schema.ts'

export interface OpenOptions {
  readonly path: string
  /** Whether an empty file or an older schema may be brought up to date. */
  readonly migrate: boolean
  /** Runs a step again while others hold the lock. */
  readonly patiently: <T>(step: () => T) => Promise<T>
}

/** @throws Refusal */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  const { path, patiently } = options
  checkFile(path)
  const isNew = isEmpty(path)
  if (isNew && !options.migrate) throw outdated(path, 0)
  let database: Database | undefined
  try {
    database = new Database(path, { readOnly: false })
    const connection = database
    if (!isNew) await patiently(() => checkSchema(connection, options))
    // a WAL is what lets readers and a writer work at the same time; FULL syncs each commit
    await patiently(() =>
      connection.script('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF'),
    )
    connection.script(
      'PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -64000; PRAGMA temp_store = MEMORY',
    )
    await patiently(() => {
      if (checkSchema(connection, options) < MIGRATIONS.length) migrate(connection, path)
    })
    return database
  } catch (error) {
    database?.close()
    throw storeError(error, path, 'none')
  }
}

/** Whether there is nothing yet: no file, or one without contents. */
export function isEmpty(path: string): boolean {
  return !existsSync(path) || statSync(path).size === 0
}

/** @throws Refusal */
export function checkFile(path: string): void {
  const folder = dirname(path)
  if (!existsSync(folder)) {
    throw new Refusal('store-unavailable', `The folder ${folder} does not exist.`, {
      hint: 'Create it, or give another path.',
    })
  }
  if (!statSync(folder).isDirectory() || (existsSync(path) && !statSync(path).isFile())) {
    throw new Refusal('store-unavailable', `${path} is no path of a file.`, {
      hint: 'Give the path of a file.',
    })
  }
  try {
    // SQLite keeps two more files beside its own, so the folder has to be writable too
    accessSync(folder, constants.W_OK)
    if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK)
  } catch (error) {
    throw readOnlyError(path, error)
  }
}

/** Reads only: a file that is refused stays as it is. */
function checkSchema(database: Database, { path, migrate: allowed }: OpenOptions): number {
  const version = versionOf(database, path)
  if (version < MIGRATIONS.length && !allowed) throw outdated(path, version)
  return version
}

/**
 * The version of the schema; 0: there is none.
 *
 * @throws Refusal if code that knows these migrations cannot work with it
 */
export function versionOf(database: Database, path: string, known: number = MIGRATIONS.length): number {
  // the tables first: whoever makes them at this moment marks them as ours with the same commit
  const [tables = 0] = database.get<[number]>('SELECT count(*) FROM sqlite_schema') ?? []
  const [application = 0] = database.get<[number]>('PRAGMA application_id') ?? []
  const [version = 0] = database.get<[number]>('PRAGMA user_version') ?? []
  if (application !== APPLICATION_ID && tables > 0) {
    throw new Refusal('store-schema', `The file ${path} is a database of another application.`, {
      hint: 'Give the path of a new file.',
    })
  }
  if (version <= known) return version
  const oldest = oldestOf(database)
  if (oldest <= known) return version
  throw new Refusal(
    'store-schema',
    `The file ${path} has schema ${version}, for code that knows schema ${oldest} at least; this Millrace knows ${known}.`,
    { hint: 'Upgrade Millrace in this process: a newer one has migrated the file.' },
  )
}

/** A file that does not say it is taken to be for newer code only. */
function oldestOf(database: Database): number {
  const [says] = database.get<[number]>("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'") ?? []
  if (says !== 1) return Infinity
  return database.get<[number]>("SELECT value FROM meta WHERE name = 'oldest'")?.[0] ?? Infinity
}

function outdated(path: string, version: number): Refusal {
  const what = version === 0 ? 'has no tables yet' : `has schema ${version}`
  return new Refusal(
    'store-schema',
    `The file ${path} ${what}; this Millrace works with schema ${MIGRATIONS.length}.`,
    { hint: 'Run `millrace migrate`, or open it once with `migrate: true`.' },
  )
}

/**
 * Brings the schema up to date, each version in a transaction of its own. Another process may do the same at this
 * moment: the lock decides.
 *
 * @param migrations for tests
 */
export function migrate(
  database: Database,
  path: string,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  for (let more = true; more;) {
    more = inTransaction(database, 'COMMIT', () => {
      const version = versionOf(database, path, migrations.length)
      const migration = migrations[version]
      if (migration === undefined) return false
      database.script(`${migration.script}${markOf(version + 1, migration)}`)
      return true
    })
  }
}

/** Does it all and takes it back. */
export function rehearse(database: Database, path: string): void {
  inTransaction(database, 'ROLLBACK', () => {
    for (const [index, migration] of MIGRATIONS.entries()) {
      if (index < versionOf(database, path)) continue
      database.script(`${migration.script}${markOf(index + 1, migration)}`)
    }
  })
}

function inTransaction<T>(database: Database, end: 'COMMIT' | 'ROLLBACK', work: () => T): T {
  database.script('BEGIN IMMEDIATE')
  try {
    const answer = work()
    database.script(end)
    return answer
  } catch (error) {
    if (database.inTransaction) database.script('ROLLBACK')
    throw error
  }
}
