/** The Postgres store of Millrace: tasks in tables of your database. */
export { PostgresStore } from './store.ts'
export { migrationSql } from './migrate.ts'
export type { PostgresStoreOptions } from './options.ts'
export type { PoolClient, PostgresPool, QueryConfig, QueryResult } from './driver.ts'
