/** A private Redis: append-only file on, nothing evicted. */
import { programOf, services } from '../../scripts/services.mjs'
import { listening } from './listening.ts'
import { PrivateServer, type ServerPlan } from './server.ts'

export interface RedisOptions {
  /** When the append-only file is synced. Default `everysec`, as Redis has it. */
  readonly fsync?: 'always' | 'everysec' | undefined
  /** More lines of configuration, as arguments. */
  readonly args?: readonly string[] | undefined
}

export interface RedisServer extends AsyncDisposable {
  readonly url: string
  readonly server: PrivateServer
}

export async function startRedis({ fsync = 'everysec', args = [] }: RedisOptions = {}): Promise<RedisServer> {
  const program = programOf(services.redis)
  if (program === undefined) throw new Error('There is no redis-server on the PATH: run npm test.')
  const plan: ServerPlan = {
    name: 'redis',
    stopSignal: 'SIGTERM',
    command(folder, port) {
      const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '']
      const durable = ['--appendonly', 'yes', '--appendfsync', fsync, '--maxmemory-policy', 'noeviction']
      return [program, ...place, ...durable, ...args]
    },
    answers: (port) => listening(port, 'PING\r\n', /PONG|NOAUTH/),
  }
  const server = await PrivateServer.start(plan)
  return {
    url: `redis://127.0.0.1:${server.port}`,
    server,
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

/** Forgets all that is there: an audit of one home comes by the keys of all others. */
export function flush({ server }: RedisServer): Promise<void> {
  return listening(server.port, 'FLUSHALL\r\n', /^\+OK/)
}
