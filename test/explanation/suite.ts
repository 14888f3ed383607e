/** The table of situations, for the test file of any store. */
import { expect, test } from 'vitest'
import { explained } from './situation.ts'
import { ready } from './ready.ts'
import { started } from './started.ts'
import { waiting } from './waiting.ts'
import type { Bench } from '../../packages/core/src/conformance/case.ts'

const situations = [...waiting, ...ready, ...started]

/** @param openHome a fresh home for each situation */
export function testSituations(openHome: () => Promise<Bench & AsyncDisposable>): void {
  for (const situation of situations) {
    test(`explains: ${situation.name}`, async () => {
      await using home = await openHome()
      const { told, expected } = await explained(home, situation)
      expect(told).toEqual(expected)
    })
  }
}
