/** What is done in the background. The routes need the definition only. */
import { defineTask } from 'millrace'
import { z } from 'zod'

export const greet = defineTask('greet', { input: z.object({ name: z.string() }), output: z.string() })

export const greeting = greet.handler(({ name }) => `Hello ${name}`)
