/** The SQLite store of Millrace: one file, nothing to install. */
export { SqliteStore } from './store.ts'
export type { SqliteStoreOptions } from './store.ts'
