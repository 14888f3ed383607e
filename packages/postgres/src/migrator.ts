/** Migrating by hand: looks, rehearses, and does it, without opening the store. */
import { Database } from './database.ts'
import { looking, migrate, rehearse, versionOf } from './migrate.ts'
import { migrationScript, MIGRATIONS, quotedName, stepsFrom } from './migrations.ts'
import { resolved, type PostgresStoreOptions } from './options.ts'
import type { PoolClient } from './driver.ts'
import type { MigrationPlan, Migrator } from '@millrace/core/store'

/** Brings the schema of a Postgres store up to date, or says what that would take. */
export class PostgresMigrator implements Migrator {
  readonly #options: ReturnType<typeof resolved>

  /** @throws InvalidArgumentError, or StoreError with the code `store-url` */
  constructor(options: PostgresStoreOptions) {
    this.#options = resolved(options)
  }

  plan(): Promise<MigrationPlan> {
    return this.#after(() => Promise.resolve())
  }

  migrate(): Promise<MigrationPlan> {
    return this.#after(migrate)
  }

  rehearse(): Promise<MigrationPlan> {
    return this.#after(rehearse)
  }

  /** The plan as it was before the work. */
  async #after(work: (database: Database, client: PoolClient) => Promise<void>): Promise<MigrationPlan> {
    const { schema, prepare } = this.#options
    const connected = await this.#options.connect()
    const database = new Database({ pool: connected.pool, schema, prepare })
    try {
      return await looking(database, async (client) => {
        const from = await versionOf(database, client)
        const plan = {
          from,
          to: MIGRATIONS.length,
          steps: stepsFrom(from, MIGRATIONS),
          script: migrationScript(quotedName(schema), from, MIGRATIONS),
        }
        if (plan.steps.length > 0) await work(database, client)
        return plan
      })
    } finally {
      await connected.end()
    }
  }
}
