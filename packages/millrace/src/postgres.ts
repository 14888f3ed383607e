/** Postgres by your own pool, and in your own transactions: `millrace/postgres`. */
import {
  PostgresStore,
  type PgTransaction,
  type PostgresPool,
  type PostgresStoreOptions,
} from '@millrace/postgres'
import type { Store, TransactionalStore } from '@millrace/core'
import type { TransactionalSource } from './store-source.ts'

export type {
  DrizzleTransaction,
  KnexTransaction,
  KyselyTransaction,
  PgTransaction,
  PostgresPool,
  PostgresStoreOptions,
  PrismaTransaction,
} from '@millrace/postgres'
export { migrationSql } from '@millrace/postgres'
export type { TransactionalSource } from './store-source.ts'

/**
 * A store for `connect`: of your own `pg.Pool`, which is used and never closed, or of options. The client that
 * `connect` then answers has `within(tx)`, and its workers take handlers with `ctx.transaction`.
 *
 * @typeParam Tx what `ctx.transaction` gives: `pg.PoolClient`, to have all that the driver's types say
 * @throws InvalidArgumentError, or StoreError with the code `store-url`, from `connect`
 */
export function postgres<Tx extends PgTransaction = PgTransaction>(
  pool: PostgresPool | PostgresStoreOptions,
): TransactionalSource<Tx> {
  const given: PostgresStoreOptions = isPool(pool) ? { pool } : pool
  return {
    '~store': ({ namespace, migrate }) => {
      const own = { namespace: given.namespace ?? namespace, migrate: given.migrate ?? migrate }
      // which type the clients of a pool have is the user's to say
      return new PostgresStore({ ...given, ...own }) as Store as TransactionalStore<Tx>
    },
  }
}

function isPool(pool: PostgresPool | PostgresStoreOptions): pool is PostgresPool {
  return typeof (pool as Partial<PostgresPool> | null)?.connect === 'function'
}
