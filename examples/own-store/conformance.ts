/**
 * The conformance suite on a store of one's own, with nothing but Node's own test runner:
 * `node --test conformance.ts`, or one area: `node --test --test-name-pattern='^leases: ' conformance.ts`
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { conformanceCases, type Bench } from '@millrace/core/conformance'
import { JournalStore } from './journal-store.ts'

/** What the store does otherwise, and why: a property of its engine that users are told of. */
const exceptions: readonly { readonly case: string; readonly reason: string }[] = []

/** A home of its own for each case, and what gives it back. */
async function openHome(): Promise<Bench & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'))
  const store = new JournalStore({ path: join(folder, 'tasks.journal') })
  await store.open()
  return {
    store,
    // a store that lives in one process has one client
    open: async () => store,
    shiftClock: (ms) => store.shiftClock(ms),
    async [Symbol.asyncDispose]() {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
}

for (const { area, name, run } of conformanceCases) {
  const exception = exceptions.find((one) => one.case === name)
  void test(`${area}: ${name}`, { skip: exception?.reason ?? false }, async () => {
    await using home = await openHome()
    await run(home)
  })
}
