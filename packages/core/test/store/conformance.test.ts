import { describe, expect, test } from 'vitest'
import { conformanceCases } from '../../src/conformance/index.ts'
import { MemoryStore } from '../../src/store/memory/store.ts'
import { systemPlatform } from '../../src/platform/system.ts'

/** What the memory store does otherwise, and why. */
const exceptions: readonly { readonly case: string; readonly reason: string }[] = []

describe('the memory store', () => {
  for (const { area, name, run } of conformanceCases) {
    test.skipIf(exceptions.some((exception) => exception.case === name))(`${area}: ${name}`, async () => {
      // time stands, but for what a case shifts: every boundary is met to the millisecond
      const store = new MemoryStore({ platform: { ...systemPlatform, wallMs: () => 1_700_000_000_000 } })
      await store.open()
      const bench = { store, open: async () => store, shiftClock: (ms: number) => store.shiftClock(ms) }
      await expect(run(bench)).resolves.toBe(undefined)
    })
  }
})
