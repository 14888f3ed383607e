/** Opening a database: what is refused, and how an older schema becomes today's. Nothing is written in a refusal. */
import { StoreError } from '@millrace/core'
import { isRefusedByServer, storeError } from './errors.ts'
import { SCHEMA_2 } from './statements/guests.ts'
import { SCHEMA_1, SCHEMA_VERSION } from './statements/schema.ts'
import type { Database } from './database.ts'
import type { PoolClient } from './driver.ts'

/** What brings a schema of version n to version n + 1. */
const MIGRATIONS: readonly string[] = [SCHEMA_1, SCHEMA_2]

const SERVER_VERSION_MIN = 130_000

/** What a server has to be, and how it has to be set. */
const SETTINGS = `
SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), pg_is_in_recovery(),
  current_setting('default_transaction_isolation'), current_setting('synchronous_commit'), current_setting('fsync')`

export interface OpenOptions {
  readonly migrate: boolean
  readonly unsafe: boolean
}

/**
 * The statements that bring an empty database to today's schema, for those who want to run them themselves.
 *
 * @param schema the schema that the tables are put in
 */
export function migrationSql(schema = 'millrace'): string {
  const quoted = `"${schema.replaceAll('"', '""')}"`
  const steps = MIGRATIONS.map((sql, version) => `${sql}${markOf(version + 1)}`)
  return `CREATE SCHEMA IF NOT EXISTS ${quoted};\n${steps.join('\n')}`.replaceAll(/\bhome\./g, `${quoted}.`)
}

function markOf(version: number): string {
  return version === 1
    ? '\nCREATE TABLE home.about(version integer NOT NULL);\nINSERT INTO home.about VALUES (1);\n'
    : `\nUPDATE home.about SET version = ${version};\n`
}

/** @throws StoreError */
export async function openDatabase(database: Database, options: OpenOptions): Promise<void> {
  try {
    await database.connected(async (client) => {
      await checkSettings(database, client, options)
      await migrate(database, client, options)
    })
  } catch (error) {
    throw isRefusedByServer(error) ? storeError(error, 'none') : error
  }
}

type SettingsRow = readonly [number, string, boolean, string, string, string]

async function checkSettings(database: Database, client: PoolClient, { unsafe }: OpenOptions): Promise<void> {
  const { rows } = await ask(database, client, SETTINGS)
  const [version, encoding, standby, isolation, commit, fsync] = rows[0] as SettingsRow
  if (version < SERVER_VERSION_MIN) {
    throw refusal(
      'store-unavailable',
      `This is Postgres ${Math.floor(version / 10_000)}.`,
      'Use Postgres 13 or newer.',
    )
  }
  if (encoding !== 'UTF8') {
    const hint =
      "Create a database with ENCODING 'UTF8' and TEMPLATE template0, and give its name in the URL."
    throw refusal('store-unavailable', `The database keeps texts as ${encoding}, not as UTF8.`, hint)
  }
  if (standby) {
    throw refusal('store-readonly', 'This Postgres is a standby.', 'Give the URL of the primary.')
  }
  if (isolation !== 'read committed') {
    const hint = "Set default_transaction_isolation to 'read committed' for this user or database."
    throw refusal(
      'store-unavailable',
      `Transactions are ${isolation} by default, which Millrace is not made for.`,
      hint,
    )
  }
  if (unsafe || (commit !== 'off' && fsync === 'on')) return
  const setting = fsync === 'on' ? 'synchronous_commit' : 'fsync'
  const hint = `Turn ${setting} on, or pass \`unsafe: true\` if tasks may be lost.`
  throw refusal(
    'store-unavailable',
    `Postgres runs with ${setting} off: what it acknowledges can be lost.`,
    hint,
  )
}

function refusal(code: StoreError['code'], message: string, hint: string): StoreError {
  return new StoreError(code, message, { hint, effect: 'final' })
}

/** The version of the schema; 0: there is none. It reads only: what is refused stays as it is. */
async function checkSchema(
  database: Database,
  client: PoolClient,
  { migrate: allowed }: OpenOptions,
): Promise<number> {
  const version = await versionOf(database, client)
  const { schema } = database
  if (version > SCHEMA_VERSION) {
    const message = `The schema ${schema} has version ${version}; this Millrace knows ${SCHEMA_VERSION}.`
    throw refusal(
      'store-schema',
      message,
      'Upgrade Millrace in this process: a newer one has migrated the database.',
    )
  }
  if (version < SCHEMA_VERSION && !allowed) {
    const what = version === 0 ? 'has no tables of Millrace yet' : `has version ${version}`
    const message = `The schema ${schema} ${what}; this Millrace works with version ${SCHEMA_VERSION}.`
    throw refusal(
      'store-schema',
      message,
      'Open it once with `migrate: true`, as a user who may create tables.',
    )
  }
  return version
}

async function versionOf(database: Database, client: PoolClient): Promise<number> {
  const name = `${quote(database.schema)}.about`
  const { rows } = await ask(database, client, `SELECT to_regclass(${literal(name)}) IS NOT NULL`)
  if (!(rows as [boolean][])[0]![0]) return 0
  const about = await ask(database, client, 'SELECT version FROM home.about')
  return (about.rows as [number][])[0]?.[0] ?? 0
}

function ask(database: Database, client: PoolClient, text: string): ReturnType<Database['script']> {
  return database.script(client, text)
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** All of it in one transaction. Another process may do the same at this moment: the lock decides who is first. */
async function migrate(database: Database, client: PoolClient, options: OpenOptions): Promise<void> {
  if ((await checkSchema(database, client, options)) === SCHEMA_VERSION) return
  const { schema } = database
  await ask(database, client, "BEGIN; SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '30s'")
  try {
    await ask(
      database,
      client,
      `SELECT pg_advisory_xact_lock(hashtextextended(${literal(`millrace ${schema}`)}, 0))`,
    )
    const version = await checkSchema(database, client, options)
    const { rows } = await ask(
      database,
      client,
      `SELECT to_regnamespace(${literal(quote(schema))}) IS NOT NULL`,
    )
    if (!(rows as [boolean][])[0]![0]) await ask(database, client, `CREATE SCHEMA ${quote(schema)}`)
    for (let from = version; from < SCHEMA_VERSION; from++) {
      await ask(database, client, `${MIGRATIONS[from]!}${markOf(from + 1)}`)
    }
    await ask(database, client, 'COMMIT')
  } catch (error) {
    if (isRefusedByServer(error) || error instanceof StoreError) await ask(database, client, 'ROLLBACK')
    throw error
  }
}
