/** Opening a file: what is refused, and how an older schema becomes today's. Nothing is written in a refusal. */
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Database } from './database.ts'
import { readOnlyError, Refusal, storeError } from './failures.ts'
import { APPLICATION_ID, SCHEMA_1, SCHEMA_VERSION } from './statements/schema.ts'

/** What leads from each version to the next; the first leads from an empty file to version 1. */
const MIGRATIONS: readonly string[] = [SCHEMA_1]

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
  const isNew = !existsSync(path) || statSync(path).size === 0
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
    await patiently(() => migrate(connection, options))
    return database
  } catch (error) {
    database?.close()
    throw storeError(error, path, 'none')
  }
}

function checkFile(path: string): void {
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
  const [application = 0] = database.get<[number]>('PRAGMA application_id') ?? []
  const [version = 0] = database.get<[number]>('PRAGMA user_version') ?? []
  const [tables = 0] = database.get<[number]>('SELECT count(*) FROM sqlite_schema') ?? []
  if (application !== APPLICATION_ID && tables > 0) {
    throw new Refusal('store-schema', `The file ${path} is a database of another application.`, {
      hint: 'Give the path of a new file.',
    })
  }
  if (version > SCHEMA_VERSION) {
    throw new Refusal(
      'store-schema',
      `The file ${path} has schema ${version}; this Millrace knows ${SCHEMA_VERSION}.`,
      {
        hint: 'Upgrade Millrace in this process: a newer one has migrated the file.',
      },
    )
  }
  if (version < SCHEMA_VERSION && !allowed) throw outdated(path, version)
  return version
}

function outdated(path: string, version: number): Refusal {
  const what = version === 0 ? 'has no tables yet' : `has schema ${version}`
  return new Refusal(
    'store-schema',
    `The file ${path} ${what}; this Millrace works with schema ${SCHEMA_VERSION}.`,
    {
      hint: 'Open it once with `migrate: true`.',
    },
  )
}

/** Each version in a transaction of its own. Another process may do the same at this moment: the lock decides. */
function migrate(database: Database, options: OpenOptions): void {
  while (checkSchema(database, options) < SCHEMA_VERSION) {
    database.script('BEGIN IMMEDIATE')
    try {
      const version = checkSchema(database, options)
      if (version < SCHEMA_VERSION) {
        database.script(MIGRATIONS[version]!)
        database.script(`PRAGMA user_version = ${version + 1}; PRAGMA application_id = ${APPLICATION_ID}`)
      }
      database.script('COMMIT')
    } catch (error) {
      if (database.inTransaction) database.script('ROLLBACK')
      throw error
    }
  }
}
