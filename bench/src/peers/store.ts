/** Millrace's stores without a client. Each is loaded when it is asked for. */
import { engineOf, pathOf } from '../engine.ts'
import type { Store } from '@millrace/core/store'

export async function storeAt(url: string): Promise<Store> {
  switch (engineOf(url)) {
    case 'memory': {
      const { MemoryStore, systemPlatform } = await import('@millrace/core')
      return new MemoryStore({ platform: systemPlatform })
    }
    case 'sqlite': {
      const { SqliteStore } = await import('@millrace/sqlite')
      return new SqliteStore({ path: pathOf(url) })
    }
    case 'postgres': {
      const { PostgresStore } = await import('@millrace/postgres')
      return new PostgresStore({ url })
    }
    case 'redis': {
      const { RedisStore } = await import('@millrace/redis')
      return new RedisStore({ url })
    }
  }
}
