import { describe, expect, test } from 'vitest'
import { conformanceCases } from '../../src/conformance/index.ts'
import { MemoryStore } from '../../src/store/memory/store.ts'
import { systemPlatform } from '../../src/platform/system.ts'

/** What the memory store does otherwise, and why. */
const exceptions: readonly { readonly case: string; readonly reason: string }[] = []
/** Time stands, but for what a case shifts: so every boundary is met to the millisecond. */
const platform = { ...systemPlatform, wallMs: () => 1_700_000_000_000 }

describe('the memory store', () => {
  for (const { area, name, run } of conformanceCases) {
    test.skipIf(exceptions.some((exception) => exception.case === name))(`${area}: ${name}`, async () => {
      const store = new MemoryStore({ platform })
      await store.open()
      await expect(
        run({ store, open: async () => store, shiftClock: (ms) => store.shiftClock(ms) }),
      ).resolves.toBe(undefined)
      await store.close()
    })
  }
})
