/** Statements on a few connections: each ends within a bound, and says what may have become of it. */
import { createHash } from 'node:crypto'
import { borrow } from './lending.ts'
import { isConnectionFit, isRefusedByServer, SQLSTATE, codeOfError, storeError } from './errors.ts'
import type { PoolClient, PostgresPool, QueryConfig, QueryResult } from './driver.ts'

/** How long the server works on one statement. */
const STATEMENT_MS = 6_000
/** How long an answer is waited for, whatever has become of the server. */
const ANSWER_MS = 7_000
/** How long a connection is waited for. */
const CONNECT_MS = 3_000
/** How long a transaction may take in all. */
const TRANSACTION_MS = 7_000
/** How long all tries of it take, and its end. */
const WHOLE_MS = 9_500
/** Of which its end has so much to itself. */
const END_MS = 1_500
/** How long a statement waits for a lock of somebody else. */
const LOCK_MS = 2_000
/** How often a transaction is begun anew when others were in its way. */
const TRIES_MAX = 6
/** How long after its beginning a transaction is begun anew at the latest. */
const TRYING_MS = 3_000

/**
 * The beginning of a transaction; its plans must not depend on statistics, which a new backlog does not have yet. A process
 * that was stopped in the middle of one keeps its locks no longer than its time would have been: others want its tasks.
 */
const BEGIN = `BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL jit = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
SET LOCAL statement_timeout = ${STATEMENT_MS}; SET LOCAL lock_timeout = ${LOCK_MS};
SET LOCAL idle_in_transaction_session_timeout = ${WHOLE_MS}; SELECT home.store_now(`

export interface DatabaseOptions {
  readonly pool: PostgresPool
  readonly schema: string
  /** Whether statements are named, and so planned once per connection. A pooler may not know names. */
  readonly prepare: boolean
}

/** One connection for as long as something needs it. */
export interface Connection {
  /** The rows, as arrays of columns. */
  rows<T extends readonly unknown[]>(statement: string, values?: unknown[]): Promise<readonly T[]>
  /** How many rows it changed. */
  run(statement: string, values?: unknown[]): Promise<number>
}

const INT8 = 20
const BYTEA = 17
const BOOL = 16
const NUMBERS: ReadonlySet<number> = new Set([INT8, 21, 23, 26, 700, 701, 1700])

const asText = (value: string): unknown => value
const asBoolean = (value: string): unknown => value === 't'

/** Hexadecimal, or as `bytea_output = 'escape'` has it: readable signs, and the others as three octal digits. */
function asBytes(value: string): unknown {
  if (value.startsWith('\\x')) return Buffer.from(value.slice(2), 'hex')
  const signs = value.replaceAll(/\\(?:\\|([0-7]{3}))/g, (_, octal: string | undefined) =>
    octal === undefined ? '\\' : String.fromCharCode(parseInt(octal, 8)),
  )
  return Buffer.from(signs, 'latin1')
}

/** Columns as this package reads them, whatever the user has registered: no number of ours needs more than a double. */
const types: NonNullable<QueryConfig['types']> = {
  getTypeParser(oid) {
    if (NUMBERS.has(oid)) return Number
    if (oid === BYTEA) return asBytes
    return oid === BOOL ? asBoolean : asText
  },
}

export class Database implements Connection {
  readonly schema: string
  readonly #pool: PostgresPool
  readonly #prepare: boolean
  readonly #prefix: string
  readonly #texts = new Map<string, { readonly text: string; readonly name: string }>()
  /** The latest store time that anybody here has seen. */
  #seen = 0

  constructor({ pool, schema, prepare }: DatabaseOptions) {
    this.#pool = pool
    this.schema = schema
    this.#prepare = prepare
    this.#prefix = `"${schema.replaceAll('"', '""')}".`
  }

  /** Store time never goes below it. */
  get seen(): number {
    return this.#seen
  }

  saw(now: number): void {
    if (now > this.#seen) this.#seen = now
  }

  /** A statement with the user's schema in it. */
  text(statement: string): string {
    return this.#textOf(statement).text
  }

  #textOf(statement: string): { readonly text: string; readonly name: string } {
    let known = this.#texts.get(statement)
    if (known === undefined) {
      const text = statement.replaceAll(/\bhome\./g, () => this.#prefix)
      known = { text, name: `millrace_${createHash('sha256').update(text).digest('hex').slice(0, 16)}` }
      this.#texts.set(statement, known)
    }
    return known
  }

  async rows<T extends readonly unknown[]>(statement: string, values: unknown[] = []): Promise<readonly T[]> {
    const { rows } = await this.#alone(statement, values)
    return rows as T[]
  }

  async run(statement: string, values: unknown[] = []): Promise<number> {
    return (await this.#alone(statement, values)).rowCount ?? 0
  }

  /**
   * A statement that is a transaction by itself.
   *
   * @throws StoreError
   */
  async #alone(statement: string, values: unknown[]): Promise<QueryResult> {
    try {
      return await this.connected((client) => this.#ask(client, { statement, values }))
    } catch (error) {
      throw storeErrorUnlessMistaken(error, 'unknown')
    }
  }

  #ask(
    client: PoolClient,
    { statement, values, end = Infinity }: { statement: string; values: unknown[]; end?: number },
  ): Promise<QueryResult> {
    const { text, name } = this.#textOf(statement)
    const timeout = Math.max(1, Math.min(ANSWER_MS, end - performance.now()))
    const config = { text, values, rowMode: 'array', types, query_timeout: timeout } as const
    return client.query(this.#prepare ? { ...config, name } : config) as Promise<QueryResult>
  }

  /** Several statements in one message; what the last one answers. */
  async script(client: PoolClient, text: string, answerMs: number = ANSWER_MS): Promise<QueryResult> {
    const config = { text: text.replaceAll(/\bhome\./g, () => this.#prefix), query_timeout: answerMs }
    const results = await client.query({ ...config, rowMode: 'array', types })
    return Array.isArray(results) ? results.at(-1)! : results
  }

  /** The user's own pool may have no limit to its patience. */
  async #acquire(): Promise<PoolClient> {
    // the driver throws what it does not understand in its configuration
    const connecting = Promise.try(() => borrow(this.#pool))
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => reject(new Error(`no connection became free within ${CONNECT_MS} ms`)),
      CONNECT_MS,
    )
    try {
      return await Promise.race([connecting, late])
    } catch (error) {
      // one that comes too late goes back at once
      connecting.then(
        (client) => client.release(),
        () => undefined,
      )
      throw storeError(error, 'none')
    } finally {
      clearTimeout(timer)
    }
  }

  /** Lends a connection. One on which anything but a refused statement has happened is not used again. */
  async connected<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#acquire()
    let broken = true
    try {
      const answer = await work(client)
      broken = false
      return answer
    } catch (error) {
      broken = !isConnectionFit(error)
      throw error
    } finally {
      client.release(broken)
    }
  }

  /**
   * Does some work in a transaction, and begins anew when others were in the way: so the work must be fit to be
   * done again. It is given the store time.
   *
   * @throws StoreError `unknown` if the commit was not answered, else `none`
   */
  async transaction<T>(work: (connection: Connection, now: number) => Promise<T>): Promise<T> {
    const begun = performance.now()
    for (let tries = 1; ; tries++) {
      try {
        return await this.connected((client) => this.#once(client, begun + WHOLE_MS, work))
      } catch (error) {
        if (tries === TRIES_MAX || performance.now() > begun + TRYING_MS || !isInTheWay(error))
          throw storeErrorUnlessOurs(error)
      }
    }
  }

  /** The statements of one transaction, which share the time that it may take. */
  #within(client: PoolClient, endMs: number): Connection {
    const end = Math.min(performance.now() + TRANSACTION_MS, endMs - END_MS)
    const ask = (statement: string, values: unknown[] = []): Promise<QueryResult> =>
      this.#ask(client, { statement, values, end })
    return {
      rows: async <R extends readonly unknown[]>(statement: string, values?: unknown[]) =>
        (await ask(statement, values)).rows as R[],
      run: async (statement, values) => (await ask(statement, values)).rowCount ?? 0,
    }
  }

  /** If that cannot be told any more, the server rolls back by itself. */
  async #rollBack(client: PoolClient, answerMs: number): Promise<void> {
    try {
      await this.script(client, 'ROLLBACK', answerMs)
    } catch (error) {
      throw storeErrorUnlessMistaken(error, 'none')
    }
  }

  async #once<T>(
    client: PoolClient,
    endMs: number,
    work: (connection: Connection, now: number) => Promise<T>,
  ): Promise<T> {
    const connection = this.#within(client, endMs)
    const leftMs = (): number => Math.max(1, Math.min(ANSWER_MS, endMs - performance.now()))
    let committing = false
    try {
      const { rows } = await this.script(client, `${BEGIN}${this.#seen})`, leftMs())
      const now = (rows as [number][])[0]![0]
      const answer = await work(connection, now)
      committing = true
      await this.script(client, 'COMMIT', leftMs())
      this.saw(now)
      return answer
    } catch (error) {
      if (!committing && !isConnectionLost(error)) await this.#rollBack(client, leftMs())
      throw storeErrorUnlessRefused(error, committing ? 'unknown' : 'none')
    }
  }
}

/** What the driver threw, as an error of the port. */
export function storeErrorUnlessMistaken(error: unknown, effect: 'none' | 'unknown'): unknown {
  return isOfTheDriver(error) ? storeError(error, effect) : error
}

/** What the server refused stays as it is, so that callers can tell by its code what to do. */
function storeErrorUnlessRefused(error: unknown, effect: 'none' | 'unknown'): unknown {
  return isRefusedByServer(error) ? error : storeErrorUnlessMistaken(error, effect)
}

function storeErrorUnlessOurs(error: unknown): unknown {
  return isRefusedByServer(error) ? storeError(error, 'none') : error
}

/** Mistakes of ours, and errors of the port, are not the driver's. */
function isOfTheDriver(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return false
  return !(error instanceof Error) || !error.name.endsWith('ArgumentError')
}

function isConnectionLost(error: unknown): boolean {
  return isOfTheDriver(error) && !isRefusedByServer(error) && !(error instanceof Error && 'effect' in error)
}

const IN_THE_WAY: ReadonlySet<string | undefined> = new Set([
  SQLSTATE.serialization,
  SQLSTATE.deadlock,
  SQLSTATE.unique,
])

function isInTheWay(error: unknown): boolean {
  return IN_THE_WAY.has(codeOfError(error))
}
