/** A store by its URL, bare, so that it can be wrapped before a client takes it. */
import { systemPlatform, MemoryStore, type Store } from '@millrace/core'
import { PostgresStore } from '@millrace/postgres'
import { RedisStore } from '@millrace/redis'
import { SqliteStore } from '@millrace/sqlite'

/** @throws Error if the URL names no engine of the rig's */
export function storeOf(url: string): Store {
  const [scheme] = url.split(':')
  switch (scheme) {
    case 'memory':
      return new MemoryStore({ platform: systemPlatform })
    case 'sqlite':
      return new SqliteStore({ path: url.slice('sqlite:'.length) })
    case 'postgres':
      return new PostgresStore({ url })
    case 'redis':
      return new RedisStore({ url })
    default:
      throw new Error(`There is no store for ${url}.`)
  }
}

/** The same store with some of its methods replaced; what is not named is the store's own. */
export function wrapped(store: Store, methods: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      const own: unknown = Reflect.get(methods, name)
      if (own !== undefined) return own
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}
