/** From a URL to a client. */
import {
  checkMembers,
  MemoryStore,
  Mill,
  systemPlatform,
  type Members,
  type MillOptions,
  type Store,
} from '@millrace/core'
import { PostgresStore } from '@millrace/postgres'
import { RedisStore } from '@millrace/redis'
import { SqliteStore } from '@millrace/sqlite'
import { parseStoreUrl, storeUrl } from './store-url.ts'

export interface ConnectOptions extends MillOptions {
  /**
   * Keeps several users of one store apart: in Postgres each has a schema of its own. Default `default`, the only one
   * that a SQLite file has as yet.
   */
  readonly namespace?: string | undefined
  /** Whether a new store gets its tables, and an older schema is brought up to date. Default true. */
  readonly migrate?: boolean | undefined
}

/**
 * A client of the store that the URL names: `sqlite:PATH`, `sqlite:///PATH`, `postgres://…`, `redis://HOST:PORT` (or
 * `rediss:`, `valkey:`, `valkeys:`) or `memory:`. Without one it is the environment variable MILLRACE_STORE, else
 * `sqlite:millrace.db`: the same as the command line. A client that nobody uses does not keep the process alive.
 *
 * @throws StoreError: `store-url` for a URL that names no store of this version, another `store-…` if it cannot
 *   be opened; InvalidArgumentError
 */
export async function connect(url?: string, options: ConnectOptions = {}): Promise<Mill> {
  const mill = createMill(url, options)
  await mill.open()
  return mill
}

/**
 * The same without await: the store is opened by the first call that needs it, which then also throws what
 * `connect` would have thrown.
 *
 * @throws StoreError with the code `store-url`; InvalidArgumentError
 */
export function createMill(url?: string, options: ConnectOptions = {}): Mill {
  checkMembers(options, CONNECT_MEMBERS, 'connect')
  const { namespace, migrate, ...others } = options
  return new Mill(storeOf(storeUrl(url), { ...others, namespace, migrate }), others)
}

const CONNECT_MEMBERS: Members<ConnectOptions> = {
  logger: true,
  maxPending: true,
  maxPendingBytes: true,
  storeTimeout: true,
  platform: true,
  namespace: true,
  migrate: true,
}

/** The packages load what they drive (`node:sqlite`, the client of Redis) only when a store is opened. */
function storeOf(url: string, { platform = systemPlatform, namespace, migrate }: ConnectOptions): Store {
  const address = parseStoreUrl(url)
  switch (address.kind) {
    case 'memory':
      return new MemoryStore({ platform })
    case 'sqlite':
      return new SqliteStore({ path: address.path, namespace, migrate })
    case 'postgres':
      return new PostgresStore({ url: address.url, namespace, migrate })
    case 'redis':
      return new RedisStore({ url: address.url, namespace, migrate })
  }
}
