export { RedisStore } from './store.ts'
export type { RedisStoreOptions } from './options.ts'
