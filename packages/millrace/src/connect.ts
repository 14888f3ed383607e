/** From a URL to a client. */
import {
  checkMembers,
  InvalidArgumentError,
  MemoryStore,
  Mill,
  systemPlatform,
  TransactionalMill,
  type Members,
  type MillOptions,
  type Store,
  type TransactionalStore,
} from '@millrace/core'
import { PostgresStore } from '@millrace/postgres'
import { RedisStore } from '@millrace/redis'
import { RemoteStore } from '@millrace/server/remote'
import { SqliteStore } from '@millrace/sqlite'
import { isSource, type StoreSource, type TransactionalSource } from './store-source.ts'
import { parseStoreUrl, storeUrl } from './store-url.ts'
import { tlsOf, type ConnectTls } from './tls.ts'
import { tokenFor } from './token.ts'

/** What a client may be told beside its store. */
export interface ConnectOptions extends MillOptions {
  /**
   * Keeps several users of one store apart: in Postgres each has a schema of its own. Default: with a URL the environment
   * variable MILLRACE_NAMESPACE, else `default`, the only one that a SQLite file has as yet.
   */
  readonly namespace?: string | undefined
  /** Whether a new store gets its tables, and an older schema is brought up to date. Default true. */
  readonly migrate?: boolean | undefined
  /**
   * What tells a Millrace server who calls: an API key, or a JWT. Default: the environment variable MILLRACE_TOKEN, else what stands
   * in the file that MILLRACE_TOKEN_FILE names. Other stores need none.
   */
  readonly token?: string | undefined
  /**
   * Files with the certificates for a Millrace server: whom to trust, and the client's own. Other stores have theirs in their
   * URLs.
   */
  readonly tls?: ConnectTls | undefined
}

/**
 * A client of a store of your own making: `postgres(pool)` of millrace/postgres, `sqlite(db)` of millrace/sqlite. It
 * has transactions: `within(tx)`, and `ctx.transaction` in handlers.
 *
 * @throws StoreError if it cannot be opened; InvalidArgumentError
 */
export async function connect<Tx>(
  store: TransactionalSource<Tx>,
  options?: ConnectOptions,
): Promise<TransactionalMill<Tx>>
/**
 * A client of the store that is given, as `redis(client)` of millrace/redis, or that the URL names: `sqlite:PATH`, `sqlite:///PATH`, `postgres://…`, `redis://HOST:PORT` (or
 * `rediss:`, `valkey:`, `valkeys:`), `https://HOST:PORT` of a Millrace server (`http://` on the loopback only) or `memory:`. Without one it is the environment variable MILLRACE_STORE, else
 * `sqlite:millrace.db`: the same as the command line. A client that nobody uses does not keep the process alive.
 *
 * @throws StoreError: `store-url` for a URL that names no store of this version, another `store-…` if it cannot
 *   be opened; InvalidArgumentError
 */
export async function connect(store?: string | StoreSource, options?: ConnectOptions): Promise<Mill>
export async function connect(store?: string | StoreSource, options: ConnectOptions = {}): Promise<Mill> {
  const mill = millOf(store, options)
  try {
    await mill.open()
  } catch (error) {
    await mill.close()
    throw error
  }
  return mill
}

/**
 * The same without await: the store is opened by the first call that needs it, which then also throws what
 * `connect` would have thrown. On a synchronous connection nothing can wait for that: there, await `open()` before the
 * first `within`.
 *
 * @throws StoreError with the code `store-url`; InvalidArgumentError
 */
export function createMill<Tx>(
  store: TransactionalSource<Tx>,
  options?: ConnectOptions,
): TransactionalMill<Tx>
export function createMill(store?: string | StoreSource, options?: ConnectOptions): Mill
export function createMill(store?: string | StoreSource, options: ConnectOptions = {}): Mill {
  return millOf(store, options)
}

function millOf(store: string | StoreSource | undefined, options: ConnectOptions): Mill {
  checkMembers(options, CONNECT_MEMBERS, 'connect')
  const { namespace, migrate, token, tls, ...others } = options
  if (!isSource(store)) {
    const named = namespace ?? namespaceOfEnvironment()
    return new Mill(storeOf(storeUrl(store), { ...others, namespace: named, migrate, token, tls }), others)
  }
  if (tls !== undefined) throw noTls()
  const made = store['~store']({ namespace, migrate })
  if (!('transactions' in made)) return new Mill(made, others)
  return new TransactionalMill(made as TransactionalStore<unknown>, others)
}

/** The same as the command line: who works on a store by it and by `connect` works in one namespace. */
function namespaceOfEnvironment(): string | undefined {
  const named = process.env['MILLRACE_NAMESPACE']
  return named === '' ? undefined : named
}

const CONNECT_MEMBERS: Members<ConnectOptions> = {
  logger: true,
  plugins: true,
  maxPending: true,
  maxPendingBytes: true,
  storeTimeout: true,
  platform: true,
  namespace: true,
  migrate: true,
  token: true,
  tls: true,
}

/** The packages load what they drive (`node:sqlite`, the client of Redis) only when a store is opened. */
function storeOf(
  url: string,
  { platform = systemPlatform, namespace, migrate, token, tls }: ConnectOptions,
): Store {
  const address = parseStoreUrl(url)
  if (tls !== undefined && address.kind !== 'server') throw noTls()
  switch (address.kind) {
    case 'memory':
      return new MemoryStore({ platform })
    case 'sqlite':
      return new SqliteStore({ path: address.path, namespace, migrate })
    case 'postgres':
      return new PostgresStore({ url: address.url, namespace, migrate })
    case 'redis':
      return new RedisStore({ url: address.url, namespace, migrate })
    case 'server':
      return new RemoteStore({ url: address.url, token: tokenFor(token), ...tlsOf(tls) })
  }
}

function noTls(): InvalidArgumentError {
  return new InvalidArgumentError(
    'The certificates of tls are for a Millrace server, and this store is none.',
    {
      hint: 'Postgres and Redis take theirs in the URL: sslrootcert, sslcert, sslkey.',
    },
  )
}
