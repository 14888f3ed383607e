/** A private server that can be killed with -9, all its processes, and started again on what it left behind. */
import { killAll } from '../../../test/servers/family.ts'
import { startPostgres } from '../../../test/servers/postgres.ts'
import { startRedis } from '../../../test/servers/redis.ts'

export type Engine = 'postgres' | 'redis-always' | 'redis-everysec'
export const ENGINES: readonly Engine[] = ['postgres', 'redis-always', 'redis-everysec']

/**
 * Redis with `appendfsync everysec` does not write its log while another thread syncs it, for two whole seconds at most
 * (`flushAppendOnlyFile` in aof.c), and answers all the same.
 */
const EVERYSEC_FORGETS_MS = 3_000

export interface Target extends AsyncDisposable {
  readonly url: string
  /** How long before it is killed it may forget what it has answered. */
  readonly forgetsMs: number
  kill(): Promise<void>
  /** Resolves with the time when it answers, by the wall clock. */
  start(): Promise<number>
}

export async function targetOf(engine: Engine): Promise<Target> {
  const started =
    engine === 'postgres'
      ? await startPostgres()
      : await startRedis({ fsync: engine === 'redis-always' ? 'always' : 'everysec' })
  const { server, url } = started
  return {
    url,
    forgetsMs: engine === 'redis-everysec' ? EVERYSEC_FORGETS_MS : 0,
    kill: () => killAll(server),
    async start() {
      await server.start()
      return Date.now()
    },
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  }
}
