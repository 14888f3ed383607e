/** The SQLite store of Millrace: one file, nothing to install. */
export { SqliteStore } from './store.ts'
export type { SqliteStoreOptions } from './store.ts'
export { TransactionalSqliteStore } from './transactional-store.ts'
export type { TransactionalSqliteStoreOptions } from './transactional-store.ts'
export type { SqliteTransaction } from './guest-connection.ts'
