/** SQLite in your own transactions: `millrace/sqlite`. */
import { TransactionalSqliteStore, type SqliteTransaction } from '@millrace/sqlite'
import type { Store, TransactionalStore } from '@millrace/core'
import type { TransactionalSource } from './store-source.ts'

export type { SqliteTransaction } from '@millrace/sqlite'
export type { TransactionalSource } from './store-source.ts'

/**
 * A store for `connect`: of the file that your own synchronous connection has open, a `DatabaseSync` of node:sqlite or a
 * Database of better-sqlite3. The store works by a connection of its own, and on yours in your transactions only.
 *
 * @typeParam Tx what `ctx.transaction` gives: the type of the connection
 * @throws InvalidArgumentError from `connect`, if it is no connection to a file
 */
export function sqlite<Tx extends SqliteTransaction>(connection: Tx): TransactionalSource<Synchronous<Tx>> {
  return {
    '~store': (options) =>
      new TransactionalSqliteStore({ ...options, connection }) as Store as TransactionalStore<
        Synchronous<Tx>
      >,
  }
}

/** For the compiler: what is done in its transactions is done when it returns. */
export type Synchronous<Tx> = Tx & Pick<SqliteTransaction, '~work'>
