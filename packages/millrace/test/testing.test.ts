/** The example of docs/testing.md, as a user would write it. */
import { expect, test } from 'vitest'
import { defineTask, unchecked } from '../src/index.ts'
import { crashTest } from '../src/testing.ts'

interface Payments {
  charge(key: string, cents: number): Promise<string>
}

const pay = defineTask('pay', { input: unchecked<{ cents: number }>(), output: unchecked<string>() })

/** What runs in production: it is given what it talks to. */
const payHandler = (payments: Payments) =>
  pay.handler(async ({ cents }, ctx) => payments.charge(ctx.idempotencyKey, cents))

test('a customer pays once, whatever happens to the worker', async () => {
  const report = await crashTest({
    task: pay.with({ cents: 500 }),
    handlers: ({ effect }) =>
      payHandler({ charge: effect('charge', async (key) => `receipt for ${key}`, { key: (key) => key }) }),
  })
  report.assertOnce('charge')
  report.assertSameEnding()
  // before and after the effect, and when the handler has returned; in three ways each
  expect(report.scenarios).toHaveLength(1 + 3 * 3)
})
