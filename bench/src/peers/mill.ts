/** Millrace's packages, apart from its side, so that processes without it do not load them. */
import { createMill, defineTask, type Mill } from 'millrace'
import { z } from 'zod'

const input = z.object({
  n: z.int(),
  at: z.number(),
  customer: z.uuid(),
  email: z.email(),
  path: z.string(),
  tags: z.array(z.string()),
})

export const benchTask = defineTask('bench', { input })

/** A client that is opened by its first use. */
export function millAt(url: string): Mill {
  return createMill(url)
}
