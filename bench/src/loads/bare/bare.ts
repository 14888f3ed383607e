/** A store's own statements or scripts, run bare: no port, no client of core's, nothing of what is around them. */
import { engineOf } from '../../engine.ts'
import type { TaskGroup } from '@millrace/core/store'

export interface Bare<
  Packed = unknown,
  Claimed extends { readonly count: number } = { readonly count: number },
> {
  /** How many batches are on their way at the same time. */
  readonly lines: number
  /** Before the time is taken: what it costs to pack is the port's. */
  packed(groups: readonly TaskGroup[]): Packed
  add(packed: Packed): Promise<void>
  /** Settles what an earlier exchange of the same line claimed, and claims anew. */
  exchange(last: Claimed | null, tasksMax: number): Promise<Claimed>
  close(): Promise<void>
}

/** @throws Error for an engine without statements */
export async function bareAt(url: string): Promise<Bare> {
  switch (engineOf(url)) {
    case 'sqlite': {
      const { bareSqlite } = await import('./sqlite.ts')
      return (await bareSqlite(url)) as Bare
    }
    case 'postgres': {
      const { barePostgres } = await import('./postgres.ts')
      return (await barePostgres(url)) as Bare
    }
    case 'redis': {
      const { bareRedis } = await import('./redis.ts')
      return (await bareRedis(url)) as Bare
    }
    case 'memory':
      throw new Error('Memory has no statements.')
  }
}
