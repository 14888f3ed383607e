/**
 * The conformance suite on a store of one's own, with nothing but Node's own test runner:
 * `node --test conformance.ts`, or one area: `node --test --test-name-pattern='^leases: ' conformance.ts`
 */
import { test } from 'node:test'
import { conformanceCases } from '@millrace/core/conformance'
import { openHome } from './home.ts'

/** What the store does otherwise, and why: a property of its engine that users are told of. */
const exceptions: readonly { readonly case: string; readonly reason: string }[] = []

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
