/** Redis or Valkey by your own client: `millrace/redis`. */
import { RedisStore, type RedisClient, type RedisStoreOptions } from '@millrace/redis'
import type { StoreSource } from './store-source.ts'

export type { IoredisClient, NodeRedisClient, RedisClient, RedisStoreOptions } from '@millrace/redis'
export type { StoreSource } from './store-source.ts'

/**
 * A store for `connect`: of your own client of node-redis (`createClient`, `createCluster`, connected) or ioredis (`Redis`,
 * `Cluster`), which is used and never closed, or of options. Hints come by a duplicate of the client, which is closed
 * with the store, and on a cluster by the subscription that it keeps itself.
 *
 * @throws InvalidArgumentError from `connect`
 */
export function redis(client: RedisClient | RedisStoreOptions): StoreSource {
  const given: RedisStoreOptions = isOptions(client) ? client : { client }
  return {
    '~store': ({ namespace, migrate }) => {
      const own = { namespace: given.namespace ?? namespace, migrate: given.migrate ?? migrate }
      return new RedisStore({ ...given, ...own })
    },
  }
}

/** Clients have members of any name, but options have no methods. */
function isOptions(given: RedisClient | RedisStoreOptions): given is RedisStoreOptions {
  if (typeof given !== 'object' || given === null || 'callBuffer' in given || 'sendCommand' in given)
    return false
  return 'url' in given || 'client' in given
}
