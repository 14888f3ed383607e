/** The Postgres store of Millrace: tasks in tables of your database. */
export { PostgresStore } from './store.ts'
export { migrationSql } from './migrations.ts'
export { PostgresMigrator } from './migrator.ts'
export type { PostgresStoreOptions } from './options.ts'
export type { PoolClient, PostgresPool, QueryConfig, QueryResult } from './driver.ts'
