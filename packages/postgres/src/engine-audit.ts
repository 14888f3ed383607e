/** Whether the tables are as they were made, and the server is set as it has to be, and has room. */
import { engineDefect, type AuditAnswer, type StoreDefect } from '@millrace/core/store'
import { MIGRATIONS } from './migrations.ts'
import { PRESSURE, SCHEMA_THERE, SETTINGS_THERE } from './statements/audit.ts'
import type { Pass } from './pass.ts'

type Engine = Pick<AuditAnswer, 'defects' | 'unseen'>

/** What a transaction of ours takes is far below it. Dead rows are not cleared away as long as one is open that could see them. */
const TRANSACTION_MAX_S = 600
/** Of the connections that the server allows. */
const CONNECTIONS_SHARE = 0.9

export async function engineDefects(pass: Pass): Promise<Engine> {
  const { defects, unseen } = await pressure(pass)
  return { defects: [...(await schema(pass)), ...(await settings(pass)), ...defects], unseen }
}

/** The names of what the migrations make. */
function made(kind: RegExp): readonly string[] {
  const script = MIGRATIONS.flatMap(({ steps }) => steps.flatMap(({ statements }) => statements)).join('\n')
  return [...script.matchAll(kind)].map(([, name]) => name!)
}

type SchemaRow = readonly [version: number, ...lists: (string | null)[]]

async function schema({ connection, database }: Pass): Promise<readonly StoreDefect[]> {
  const [row] = await connection.rows<SchemaRow>(SCHEMA_THERE, [database.schema])
  const [version, ...texts] = row!
  const lists = texts.map((text) => new Set(text === null ? [] : (JSON.parse(text) as string[])))
  const [tables, indexes, broken, functions, unswept] = lists as [
    Set<string>,
    Set<string>,
    Set<string>,
    Set<string>,
    Set<string>,
  ]
  const defects = [...broken].map((name) =>
    engineDefect('engine-schema', name, `The index ${name} is not valid: make it anew with REINDEX INDEX.`),
  )
  for (const name of unswept)
    defects.push(
      engineDefect(
        'engine-settings',
        name,
        `Autovacuum is off for the table ${name}: it grows, and gets slower.`,
      ),
    )
  // a newer Millrace may have taken away what this one knows
  if (version !== MIGRATIONS.length) return defects
  const missing = (kind: string, names: readonly string[], there: ReadonlySet<string>): void => {
    for (const name of names)
      if (!there.has(name) && !broken.has(name))
        defects.push(engineDefect('engine-schema', name, `The ${kind} ${name} is missing.`))
  }
  missing('table', made(/CREATE TABLE home\.(\w+)/g), tables)
  missing('index', made(/CREATE (?:UNIQUE )?INDEX (\w+) ON/g), indexes)
  missing('function', made(/CREATE FUNCTION home\.(\w+)/g), functions)
  return defects
}

async function settings({ connection }: Pass): Promise<readonly StoreDefect[]> {
  const [row] = await connection.rows<[string, string, string, string]>(SETTINGS_THERE)
  const [fsync, pages, commit, autovacuum] = row!
  const defects: StoreDefect[] = []
  const lost = 'what the server confirms may be lost when it crashes'
  if (fsync === 'off') defects.push(engineDefect('engine-durability', 'fsync', `fsync is off: ${lost}.`))
  if (pages === 'off')
    defects.push(
      engineDefect(
        'engine-durability',
        'full_page_writes',
        'full_page_writes is off: a crash may tear pages.',
      ),
    )
  if (commit === 'off')
    defects.push(
      engineDefect('engine-durability', 'synchronous_commit', `synchronous_commit is off: ${lost}.`),
    )
  if (autovacuum === 'off')
    defects.push(
      engineDefect('engine-settings', 'autovacuum', 'autovacuum is off: tables grow, and get slower.'),
    )
  return defects
}

type PressureRow = readonly [number, number, number | null, number | null, number, boolean | null]

async function pressure({ connection }: Pass): Promise<Engine> {
  const [row] = await connection.rows<PressureRow>(PRESSURE)
  const [connections, most, oldest, prepared, slots, hidden] = row!
  const defects: StoreDefect[] = []
  const find = (subject: string, message: string): void => {
    defects.push(engineDefect('engine-pressure', subject, message))
  }
  if (connections >= CONNECTIONS_SHARE * most)
    find('connections', `${connections} of ${most} connections are used.`)
  const holds = 'as long as it is open, nothing that is deleted is cleared away, and claims get slower'
  if (oldest !== null && oldest >= TRANSACTION_MAX_S)
    find('transactions', `A transaction has been open for ${Math.round(oldest / 60)} min: ${holds}.`)
  if (prepared !== null && prepared >= TRANSACTION_MAX_S)
    find('prepared transactions', `A prepared transaction is ${Math.round(prepared / 60)} min old: ${holds}.`)
  if (slots > 0)
    find(
      'replication slots',
      `${slots} replication slots that nobody reads keep deleted rows from being cleared away.`,
    )
  const unseen =
    hidden === true
      ? ['Transactions of other users are hidden from this one: the role pg_read_all_stats shows them.']
      : []
  return { defects, unseen }
}
