import { describe, expect, test } from 'vitest'
import { conformanceCases } from '@millrace/core/conformance'
import { openHome, withServer } from '../../postgres/test/home.ts'
import { serve } from './harness.ts'

describe('a Postgres store behind a server', () => {
  withServer()
  for (const { area, name, run } of conformanceCases) {
    test(`${area}: ${name}`, async () => {
      await using home = await openHome()
      await using served = await serve(home.store)
      const bench = {
        store: await served.open(),
        open: () => served.open(),
        shiftClock: (ms: number) => home.shiftClock(ms),
      }
      await expect(run(bench)).resolves.toBe(undefined)
    }, 60_000)
  }
})
