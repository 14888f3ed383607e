/** Millrace's packages, apart from its side, so that processes without it do not load them. */
import { createMill } from 'millrace'
import { defineTask, MemoryStore, systemPlatform, type Mill, type Store } from '@millrace/core'
import { SqliteStore } from '@millrace/sqlite'
import { z } from 'zod'
import { engineOf, pathOf } from '../engine.ts'

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

/**
 * A store without a client.
 *
 * @throws Error for an engine whose store is not measured without one
 */
export function storeAt(url: string): Store {
  switch (engineOf(url)) {
    case 'memory':
      return new MemoryStore({ platform: systemPlatform })
    case 'sqlite':
      return new SqliteStore({ path: pathOf(url) })
    case 'postgres':
    case 'redis':
      throw new Error(`There is no store without a client for ${url}.`)
  }
}
