/** What leads from each version of the schema to the next. */
import { APPLICATION_ID, SCHEMA_1 } from './statements/schema.ts'

/**
 * What brings a schema of version n to version n + 1, while code of version n works with it, and goes on to: it adds,
 * and takes nothing away that code of the version `oldest` needs. It is one transaction, and short: others wait.
 */
export interface Migration {
  /** The lowest version that code must know to work with the schema as it is then. */
  readonly oldest: number
  readonly script: string
}

export const MIGRATIONS: readonly Migration[] = [{ oldest: 1, script: SCHEMA_1 }]

/** Writes into the file which version it has. */
export function markOf(version: number, { oldest }: Migration): string {
  return `
INSERT INTO meta VALUES ('oldest', ${oldest}) ON CONFLICT (name) DO UPDATE SET value = excluded.value;
PRAGMA user_version = ${version};
PRAGMA application_id = ${APPLICATION_ID};
`
}

/** All that leads from a version to the last one, for the shell of SQLite. */
export function migrationScript(version: number): string {
  return MIGRATIONS.slice(version)
    .map((migration, index) => {
      const to = version + index + 1
      return `-- Millrace: version ${to} of the schema\nBEGIN IMMEDIATE;${migration.script}${markOf(to, migration)}COMMIT;\n`
    })
    .join('\n')
}
