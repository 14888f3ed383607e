/** A schema of its own on a private server, and the clients that were opened on it. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts'
import { PostgresStore } from '../src/index.ts'

export interface PostgresHome extends AsyncDisposable {
  readonly store: PostgresStore
  readonly schema: string
  open(): Promise<PostgresStore>
  shiftClock(ms: number): Promise<void>
  close(): Promise<void>
}

/** What is otherwise than with a store that makes its own tables. */
export interface Ground {
  /** Who opens the store. Default: who owns the database. */
  readonly url?: () => string
  /** Told of a schema that is not there yet. */
  readonly prepare?: (schema: string) => Promise<void>
  /** Whether the store prepares its statements. Default: as it does by itself. */
  readonly prepares?: boolean
}

let server: PostgresServer | undefined
/** Empties what homes have left: a connection that knows the tables does so in a tenth of the time of a new one. */
let emptier: pg.Client | undefined

/** One server for all tests of a file. */
export function withServer(): void {
  beforeAll(async () => {
    server = await startPostgres()
  }, 60_000)
  afterAll(async () => {
    await emptier?.end()
    emptier = undefined
    if (server?.server.pid !== undefined) await untilAlone()
    await server?.[Symbol.asyncDispose]()
  })
}

const FAREWELL_MS = 5_000
const OTHERS = `SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`

/** A pool that has ended is still taking leave: told then that the server ends, its clients tell it to nobody, who is the whole process. */
async function untilAlone(): Promise<void> {
  const end = performance.now() + FAREWELL_MS
  try {
    while ((await sql(OTHERS)).length > 0 && performance.now() < end);
  } catch {
    // it is gone already
  }
}

export function serverOf(): PostgresServer {
  if (server === undefined) throw new Error('withServer() was not called')
  return server
}

/** Runs statements beside the store. */
export async function sql(script: string, url: string = serverOf().url): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const results: unknown = await client.query(script)
    return (results as { rows?: unknown[] }).rows ?? []
  } finally {
    await client.end()
  }
}

/** As it was when the tables were made. */
async function empty(schema: string): Promise<void> {
  if (emptier === undefined) {
    emptier = new pg.Client({ connectionString: serverOf().url })
    await emptier.connect()
  }
  await emptier.query(`DO $$
    DECLARE name text;
    BEGIN
      FOR name IN SELECT relname FROM pg_class WHERE relnamespace = '${schema}'::regnamespace
        AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'about'
      LOOP
        EXECUTE format('DELETE FROM ${schema}.%I', name);
      END LOOP;
      INSERT INTO ${schema}.clock DEFAULT VALUES;
    END $$`)
}

/** How to open homes on this ground. */
export function homesOn({
  url = () => serverOf().url,
  prepare,
  prepares,
}: Ground): () => Promise<PostgresHome> {
  // schemas that a home has left, emptied: making the tables takes longer than most cases
  const free: string[] = []
  return async () => {
    const schema = free.pop() ?? (await newSchema(prepare))
    const stores: PostgresStore[] = []
    const open = async (): Promise<PostgresStore> => {
      const store = new PostgresStore({ url: url(), schema, prepare: prepares })
      await store.open()
      stores.push(store)
      return store
    }
    const store = await open()
    const close = async (): Promise<void> => {
      await Promise.all(stores.map((one) => one.close()))
      await empty(schema)
      free.push(schema)
    }
    const shiftClock = (ms: number): Promise<void> => store.shiftClock(ms)
    return { store, schema, open, shiftClock, close, [Symbol.asyncDispose]: close }
  }
}

async function newSchema(prepare: Ground['prepare']): Promise<string> {
  const schema = `m_${randomUUID().slice(0, 8)}`
  await prepare?.(schema)
  return schema
}

export const openHome: () => Promise<PostgresHome> = homesOn({})
