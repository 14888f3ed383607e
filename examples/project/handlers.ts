// The handlers of the project: its workers run whatever is exported here.
import { defineTask } from 'millrace'
import { z } from 'zod'

export const greet = defineTask('greet', { input: z.object({ name: z.string() }), output: z.string() })

export const greetHandler = greet.handler(({ name }, ctx) => {
  ctx.log.info({ name }, 'greeting')
  return `Hello ${name}`
})
