/** The SQLite store of Millrace: one file, nothing to install. */
export { SqliteMigrator } from './migrator.ts'
export { SqliteStore } from './store.ts'
export type { SqliteStoreOptions } from './options.ts'
