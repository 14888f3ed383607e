/** The Redis and Valkey store of Millrace. */
export { RedisStore } from './store.ts'
export type { RedisStoreOptions } from './options.ts'
export type { IoredisClient, NodeRedisClient, RedisClient } from './guests.ts'
