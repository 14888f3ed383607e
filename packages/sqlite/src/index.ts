/** The SQLite store of Millrace: one file, nothing to install. */
export { SqliteMigrator } from './migrator.ts'
export { SqliteStore } from './store.ts'
export type { SqliteStoreOptions } from './options.ts'
export { TransactionalSqliteStore } from './transactional-store.ts'
export type { TransactionalSqliteStoreOptions } from './transactional-store.ts'
export type { SqliteTransaction } from './guest-connection.ts'
