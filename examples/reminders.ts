/** Tasks and handlers as an app has them, for the examples of tests: test/reminders.test.ts, test/reminders.node-test.ts */
import { defineTask } from 'millrace'
import { z } from 'zod'

export const welcome = defineTask('welcome', { input: z.object({ email: z.string() }) })
export const remind = defineTask('remind', {
  input: z.object({ email: z.string(), text: z.string() }),
  output: z.string(),
  retry: { attempts: 3, backoff: 'fixed', base: '1m' },
})

/** What sends mail: a double of it in tests. */
export type Send = (to: string, text: string, key: string) => Promise<void>

/** With its dependencies given, a handler needs no mocks of modules. */
export function handlers(send: Send) {
  return [
    welcome.handler(async ({ email }, ctx) => {
      await send(email, 'Welcome!', ctx.idempotencyKey)
      await ctx.enqueue(remind, { email, text: 'Have a look around' }, { delay: '3d', tags: ['onboarding'] })
    }),
    remind.handler(async ({ email, text }, ctx) => {
      await send(email, text, ctx.idempotencyKey)
      return `sent at attempt ${ctx.attempt}`
    }),
  ]
}
