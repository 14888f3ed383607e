/**
 * The conformance suite on a store of one's own, with nothing but Node's own test runner:
 * `node --test conformance.ts`, or one area: `node --test --test-name-pattern='^leases: ' conformance.ts`
 */
import { describe, test } from 'node:test'
import { conformanceCases } from '@millrace/core/conformance'
import { openHome } from './home.ts'

/** What the store does otherwise, and why: a property of its engine that users are told of. */
const exceptions: readonly { readonly case: string; readonly reason: string }[] = []

// homes have nothing to do with each other, so some cases run at a time: most of their time they wait for the disk
void describe('the journal', { concurrency: 8 }, () => {
  for (const { area, name, run } of conformanceCases) {
    const exception = exceptions.find((one) => one.case === name)
    void test(`${area}: ${name}`, { skip: exception?.reason ?? false }, async () => {
      const home = await openHome()
      try {
        await run(home)
      } finally {
        await home.close()
      }
    })
  }
})
