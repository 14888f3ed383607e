/** A schema of its own on a private server, and the clients that were opened on it. */
import { randomUUID } from 'node:crypto'
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

let server: PostgresServer | undefined

/** One server for all tests of a file. */
export function withServer(): void {
  beforeAll(async () => {
    server = await startPostgres()
  }, 60_000)
  afterAll(async () => server?.[Symbol.asyncDispose]())
}

export function serverOf(): PostgresServer {
  if (server === undefined) throw new Error('withServer() was not called')
  return server
}

export async function openHome(): Promise<PostgresHome> {
  const schema = `m_${randomUUID().slice(0, 8)}`
  const stores: PostgresStore[] = []
  const open = async (): Promise<PostgresStore> => {
    const store = new PostgresStore({ url: serverOf().url, schema })
    await store.open()
    stores.push(store)
    return store
  }
  const store = await open()
  const close = async (): Promise<void> => {
    await Promise.all(stores.map((one) => one.close()))
  }
  const shiftClock = (ms: number): Promise<void> => store.shiftClock(ms)
  return { store, schema, open, shiftClock, close, [Symbol.asyncDispose]: close }
}
