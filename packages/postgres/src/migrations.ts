/** What leads from each version of the schema to the next, as statements and as a script for psql. */
import { statementsIn, type MigrationStep } from '@millrace/core/store'
import { GUEST_SCHEMA } from './statements/guests.ts'
import { SCHEMA_1 } from './statements/schema.ts'

/**
 * What brings a schema of version n to version n + 1, while code of version n works with it, and goes on to.
 *
 * So it adds, and takes nothing away that code of the version `oldest` needs; what it takes away is what no such code
 * needs any more. It keeps nobody waiting: a column comes without a default that has to be computed for each row, a
 * check comes `NOT VALID`, and an index comes by `onlineIndex`.
 */
export interface Migration {
  /** The lowest version that code must know to work with the schema as it is then. */
  readonly oldest: number
  /** In this order. Where one of them is `online`, all must come to the same when they are done again. */
  readonly steps: readonly Step[]
}

export interface Step {
  /** `online`: each statement by itself, outside of a transaction; however long it takes, nobody waits for it. */
  readonly manner: MigrationStep['manner']
  readonly statements: readonly [string, ...string[]]
}

export const MIGRATIONS: readonly Migration[] = [
  { oldest: 1, steps: [{ manner: 'in a transaction', statements: [SCHEMA_1, GUEST_SCHEMA] }] },
]

/** Makes an index while tasks come and go. One that a broken-off attempt left behind is not valid, and goes first. */
export function onlineIndex(name: string, definition: string): Step {
  return {
    manner: 'online',
    statements: [
      `DROP INDEX CONCURRENTLY IF EXISTS home.${name}`,
      `CREATE INDEX CONCURRENTLY ${name} ON ${definition}`,
    ],
  }
}

/** Whether the whole of it is one transaction. */
export function isAtomic({ steps }: Migration): boolean {
  return steps.every(({ manner }) => manner === 'in a transaction')
}

/** Writes into the schema which version it has. */
export function markOf(version: number, { oldest }: Migration): string {
  return version === 1
    ? `CREATE TABLE home.about(version integer NOT NULL, oldest integer NOT NULL);\nINSERT INTO home.about VALUES (1, ${oldest});`
    : `UPDATE home.about SET version = ${version}, oldest = ${oldest};`
}

export function scriptOf({ statements }: Step): string {
  return statements.map((statement) => `${statement.trim().replace(/;$/, '')};\n`).join('')
}

/** The steps from a version to the last one. */
export function stepsFrom(version: number, migrations: readonly Migration[]): readonly MigrationStep[] {
  return migrations.slice(version).flatMap(({ steps }, index) =>
    steps.map((step) => ({
      version: version + index + 1,
      manner: step.manner,
      statements: statementsIn(scriptOf(step)),
    })),
  )
}

/**
 * All that leads from a version to the last one, for psql.
 *
 * @param quoted the schema, in quotes where it needs them
 */
export function migrationScript(quoted: string, version: number, migrations: readonly Migration[]): string {
  const parts = migrations.slice(version).map((migration, index) => partOf(version + index + 1, migration))
  const start = version === 0 ? `CREATE SCHEMA IF NOT EXISTS ${quoted};\n` : ''
  return parts.length === 0 ? '' : `${start}${parts.join('\n')}`.replaceAll(/\bhome\./g, () => `${quoted}.`)
}

function partOf(version: number, migration: Migration): string {
  const mark = `${markOf(version, migration)}\n`
  const title = `-- Millrace: version ${version} of the schema\n`
  if (isAtomic(migration))
    return `${title}BEGIN;\n${migration.steps.map(scriptOf).join('\n')}${mark}COMMIT;\n`
  const steps = migration.steps.map((step) =>
    step.manner === 'online' ? scriptOf(step) : `BEGIN;\n${scriptOf(step)}COMMIT;\n`,
  )
  return `${title}${steps.join('')}${mark}`
}

/**
 * The statements that bring an empty database to today's schema, for those who want to run them themselves.
 *
 * @param schema the schema that the tables are put in
 */
export function migrationSql(schema = 'millrace'): string {
  return migrationScript(quotedName(schema), 0, MIGRATIONS)
}

/** A name as it stands in a statement. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
