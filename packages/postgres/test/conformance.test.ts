import { describe, expect, test } from 'vitest'
import { conformanceCases } from '@millrace/core/conformance'
import { openHome, withServer } from './home.ts'

/** What the Postgres store does otherwise, and why. */
const exceptions: readonly { readonly case: string; readonly reason: string }[] = []

describe('the Postgres store', () => {
  withServer()
  for (const { area, name, run } of conformanceCases) {
    test.skipIf(exceptions.some((exception) => exception.case === name))(
      `${area}: ${name}`,
      async () => {
        await using home = await openHome()
        await expect(run(home)).resolves.toBe(undefined)
      },
      60_000,
    )
  }
})
