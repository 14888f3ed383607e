/** Migrating by hand: looks, rehearses, and does it, without a thread. What needs `node:sqlite` is loaded when it is used. */
import { statementsIn, type MigrationPlan, type Migrator } from '@millrace/core/store'
import { errorOf } from './errors.ts'
import { failureOf, storeError } from './failures.ts'
import { migrationScript, MIGRATIONS } from './migrations.ts'
import { checkOptions, type SqliteStoreOptions } from './options.ts'
import type { Database } from './database.ts'

/** Brings the schema of a SQLite file up to date, or says what that would take. */
export class SqliteMigrator implements Migrator {
  readonly #path: string

  /** @throws InvalidArgumentError */
  constructor(options: SqliteStoreOptions) {
    checkOptions(options)
    this.#path = options.path
  }

  plan(): Promise<MigrationPlan> {
    return this.#run((plan) => Promise.resolve(plan))
  }

  migrate(): Promise<MigrationPlan> {
    return this.#run(async (plan) => {
      const { openDatabase } = await import('./migrate.ts')
      const { patiently } = await import('./transactions.ts')
      const path = this.#path
      const open = { path, migrate: true, patiently: <T>(step: () => T) => patiently(step, path) }
      if (plan.steps.length > 0) (await openDatabase(open)).close()
      return plan
    })
  }

  /** Where there is no file yet it is rehearsed in memory. */
  rehearse(): Promise<MigrationPlan> {
    return this.#run(async (plan) => {
      const { isEmpty, rehearse } = await import('./migrate.ts')
      const { patiently } = await import('./transactions.ts')
      const place = isEmpty(this.#path) ? ':memory:' : this.#path
      if (plan.steps.length > 0)
        await this.#with(place, 'writes', (database) =>
          patiently(() => rehearse(database, this.#path), this.#path),
        )
      return plan
    })
  }

  /** @throws StoreError, as the store would */
  async #run(work: (plan: MigrationPlan) => Promise<MigrationPlan>): Promise<MigrationPlan> {
    try {
      return await work(await this.#plan())
    } catch (error) {
      throw errorOf(failureOf(storeError(error, this.#path, 'none')))
    }
  }

  async #plan(): Promise<MigrationPlan> {
    const { checkFile, isEmpty, versionOf } = await import('./migrate.ts')
    const path = this.#path
    checkFile(path)
    const look = (database: Database): Promise<number> => Promise.resolve(versionOf(database, path))
    const from = isEmpty(path) ? 0 : await this.#with(path, 'looks', look)
    const steps = MIGRATIONS.slice(from).map(({ script }, index) => ({
      version: from + index + 1,
      manner: 'in a transaction' as const,
      statements: statementsIn(script),
    }))
    return { from, to: MIGRATIONS.length, steps, script: migrationScript(from) }
  }

  async #with<T>(
    path: string,
    how: 'looks' | 'writes',
    work: (database: Database) => Promise<T>,
  ): Promise<T> {
    const { Database } = await import('./database.ts')
    const database = new Database(path, { readOnly: how === 'looks' })
    try {
      return await work(database)
    } finally {
      database.close()
    }
  }
}
