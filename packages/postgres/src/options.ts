/** What the user may say about a Postgres store. */
import { checkMembers, InvalidArgumentError, StoreError, type Members } from '@millrace/core/store'
import type { PostgresPool } from './driver.ts'

/** How many connections a pool of pg has unless told otherwise. */
const POOL_DEFAULT = 10
/** Of a user's pool so many are for the store: one listens, and leases go on while all handlers are in transactions. */
const KEPT = 3
/** How many transactions of handlers there are at once, where the connections are the store's own. */
const TRANSACTIONS = 10
/** How many connections a process keeps beside the one that listens. */
const CONNECTIONS = 4
const CONNECT_MS = 3_000
const STATEMENT_MS = 6_000
const LOCK_MS = 2_000

interface CommonOptions {
  /** The schema that holds the tables. Default `millrace`, or `millrace_NAMESPACE`. */
  readonly schema?: string | undefined
  /** Keeps several users of one database apart: each has a schema of its own. Default `default`. */
  readonly namespace?: string | undefined
  /** Whether a new schema gets its tables, and an older one is brought up to date. Default true. */
  readonly migrate?: boolean | undefined
  /**
   * Whether statements are prepared once per connection. Default true; `false` behind a pooler that does not know
   * prepared statements, as PgBouncer before 1.21 in its transaction mode.
   */
  readonly prepare?: boolean | undefined
  /** Whether to work on a server that may lose what it acknowledged (`fsync` or `synchronous_commit` off). Default false. */
  readonly unsafe?: boolean | undefined
}

/** Where the database is, or a pool of yours, and how the store uses it. */
export type PostgresStoreOptions = CommonOptions &
  (
    | {
        readonly url: string
        readonly pool?: undefined
        /** How many connections this process keeps, beside one that listens. Default 4. */
        readonly connections?: number | undefined
      }
    /**
     * Your own pool: it is used, and never closed. One of its connections listens for hints, unless it is the only
     * one: then what others did is found by looking four times a second. Transactions of handlers
     * are taken from it, too; three connections are always left to the store, so give it three more than you need.
     */
    | {
        readonly pool: PostgresPool
        /**
         * The URL of the same database. A worker's heartbeats then have a connection of their own on another thread, where
         * a pool cannot go: without it a handler that blocks the main thread for longer than the lease loses its task.
         */
        readonly url?: string | undefined
        readonly connections?: undefined
      }
  )

const POSTGRES_MEMBERS: Members<CommonOptions & Record<'url' | 'pool' | 'connections', unknown>> = {
  url: true,
  pool: true,
  connections: true,
  schema: true,
  namespace: true,
  migrate: true,
  prepare: true,
  unsafe: true,
}

export interface Resolved {
  readonly schema: string
  readonly migrate: boolean
  readonly prepare: boolean
  readonly unsafe: boolean
  /** Of the database, if it was given: another thread can open it. */
  readonly url: string | undefined
  /** Opens what is to be used, and says how to give it back. */
  connect(): Promise<Connected>
}

export interface Connected {
  readonly pool: PostgresPool
  /** `null`: the user's pool has a single connection, which the work needs. */
  readonly listener: PostgresPool | null
  /** For transactions of handlers: they may take as long as they like. */
  readonly transactions: PostgresPool
  /** So many of them at once. */
  readonly transactionsMax: number
  end(): Promise<void>
}

/** By structure, too: who compiles against the store needs no types of the driver. */
export interface OwnPool extends PostgresPool {
  end(): Promise<void>
}

/** @throws InvalidArgumentError, or StoreError with the code `store-url` */
export function resolved(options: PostgresStoreOptions): Resolved {
  checkMembers(options, POSTGRES_MEMBERS, 'the Postgres store')
  const { schema, namespace = 'default', migrate = true, prepare = true, unsafe = false } = options
  const name = schema ?? (namespace === 'default' ? 'millrace' : `millrace_${namespace}`)
  if (name === '' || Buffer.byteLength(name) > 63 || name.includes('\0') || name.startsWith('pg_')) {
    throw new InvalidArgumentError(
      `The schema ${JSON.stringify(name)} has a name that Postgres does not take.`,
      {
        hint: 'Give a name of at most 63 bytes that does not begin with pg_.',
      },
    )
  }
  // the statements of Millrace, and the bodies of its functions, are texts that the name is put into
  if (/\$\$|\bhome\./.test(name)) {
    throw new InvalidArgumentError(
      `The schema ${JSON.stringify(name)} has a name that Millrace does not take.`,
      {
        hint: 'Give a name without $$ and home.',
      },
    )
  }
  const connect = connectorOf(options, prepare)
  return { schema: name, migrate, prepare, unsafe, url: options.url, connect }
}

function connectorOf(options: PostgresStoreOptions, prepare: boolean): () => Promise<Connected> {
  if (options.pool !== undefined) {
    const { pool } = options
    if (typeof pool?.connect !== 'function') {
      throw new InvalidArgumentError('The pool of the Postgres store has no connect().', {
        hint: 'Give a pg.Pool, or the URL of a database.',
      })
    }
    if (options.url !== undefined) checkUrl(options.url)
    const max = pool.options?.max ?? POOL_DEFAULT
    const listener = max > 1 ? pool : null
    const connected = { pool, listener, transactions: pool, transactionsMax: max - KEPT }
    return async () => ({ ...connected, end: () => Promise.resolve() })
  }
  const { url, connections = CONNECTIONS } = options
  checkUrl(url)
  if (!Number.isInteger(connections) || connections < 1 || connections > 1_000) {
    throw new InvalidArgumentError(`connections is ${connections}.`, {
      hint: 'Give a whole number from 1 to 1 000.',
    })
  }
  return () => ownPools(url, connections, prepare)
}

/** @throws StoreError. The URL is not repeated: it may hold a password. */
function checkUrl(url: unknown): void {
  const scheme = typeof url === 'string' && /^postgres(ql)?:\/\//i.test(url)
  if (scheme && URL.canParse(url)) return
  throw new StoreError('store-url', 'The URL of the Postgres store is none.', {
    hint: 'Give postgres://USER:PASSWORD@HOST:PORT/DATABASE; signs like @ and / in a password are written as %40 and %2F.',
    effect: 'final',
  })
}

/**
 * Sockets do not keep an idle process alive, and a pooler is not asked for settings that it may not know. The
 * driver is loaded by those who use it only.
 */
async function newPool(url: string, max: number, limits: object): Promise<OwnPool> {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    allowExitOnIdle: true,
    application_name: 'millrace',
    max,
    ...limits,
  })
  // a connection that breaks while nobody uses it is replaced when somebody does
  pool.on('error', () => undefined)
  return pool
}

/** Connections of the store's own, for statements that end within a bound. */
export function ownPool(url: string, max: number, prepare: boolean): Promise<OwnPool> {
  return newPool(url, max, prepare ? { statement_timeout: STATEMENT_MS, lock_timeout: LOCK_MS } : {})
}

async function ownPools(url: string, connections: number, prepare: boolean): Promise<Connected> {
  // opened when the first handler asks for a transaction
  const transactions = await newPool(url, TRANSACTIONS, {})
  const pool = await ownPool(url, connections, prepare)
  const listener = await ownPool(url, 1, prepare)
  const pools = [pool, listener, transactions]
  const end = async (): Promise<void> => void (await Promise.all(pools.map((one) => one.end())))
  return { pool, listener, transactions, transactionsMax: TRANSACTIONS, end }
}
