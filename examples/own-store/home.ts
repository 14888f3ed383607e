/** A home of the store under test, fresh each time, and the clock that suite and model move. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JournalStore } from './journal-store.ts'
import type { Bench } from '@millrace/core/conformance'

export interface Home extends Bench {
  close(): Promise<void>
}

export async function openHome(): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'))
  const store = new JournalStore({ path: join(folder, 'tasks.journal') })
  await store.open()
  return {
    store,
    // a store that lives in one process has one client; else open another one here
    open: async () => store,
    shiftClock: (ms) => store.shiftClock(ms),
    async close() {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
}
