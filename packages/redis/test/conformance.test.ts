import { afterEach, describe, expect, test } from 'vitest'
import { conformanceCases } from '@millrace/core/conformance'
import { forgetHomes, openHome, useServer } from './home.ts'

/** What the Redis store does otherwise, and why. */
const exceptions: readonly { readonly case: string; readonly reason: string }[] = []

describe('the Redis store', () => {
  useServer()
  afterEach(forgetHomes)
  for (const { area, name, run } of conformanceCases) {
    test.skipIf(exceptions.some((exception) => exception.case === name))(`${area}: ${name}`, async () => {
      await using home = await openHome()
      await expect(run(home)).resolves.toBe(undefined)
    })
  }
})
