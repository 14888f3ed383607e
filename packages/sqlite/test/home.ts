/** A fresh file in a folder of its own, and the clients that were opened on it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SqliteStore } from '../src/index.ts'

export interface SqliteHome extends AsyncDisposable {
  readonly store: SqliteStore
  readonly path: string
  open(): Promise<SqliteStore>
  shiftClock(ms: number): Promise<void>
  close(): Promise<void>
}

/** @param prepare told of the file before it is opened */
export async function openHome(prepare?: (path: string) => Promise<void>): Promise<SqliteHome> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-'))
  const path = join(folder, 'home.db')
  await prepare?.(path)
  const stores: SqliteStore[] = []
  let shiftedMs = 0
  const open = async (): Promise<SqliteStore> => {
    const store = new SqliteStore({ path })
    await store.open()
    await store.shiftClock(shiftedMs)
    stores.push(store)
    return store
  }
  const shiftClock = async (ms: number): Promise<void> => {
    shiftedMs += ms
    await Promise.all(stores.map((store) => store.shiftClock(ms)))
  }
  const close = async (): Promise<void> => {
    await Promise.all(stores.map((store) => store.close()))
    await rm(folder, { recursive: true })
  }
  return { store: await open(), path, open, shiftClock, close, [Symbol.asyncDispose]: close }
}
