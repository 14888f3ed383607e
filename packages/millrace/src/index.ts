/**
 * Millrace, a distributed task queue for TypeScript that needs nothing but a SQLite file to start.
 */
export * from '@millrace/core'
export { defineConfig } from './config.ts'
export type { MillraceConfig, ServerConfig, WorkerConfig } from './config.ts'
export { connect, createMill } from './connect.ts'
export type { ConnectOptions } from './connect.ts'
export type { ConnectTls } from './tls.ts'
export type { StoreSource, TransactionalSource } from './store-source.ts'
