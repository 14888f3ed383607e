/** Where clients and workers meet: a SQLite file, or a private server. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres, type PostgresOptions } from './postgres.ts'
import { startRedis, type RedisOptions } from './redis.ts'
import type { PrivateServer } from './server.ts'

export const ENGINES = ['sqlite', 'postgres', 'redis'] as const
export type Engine = (typeof ENGINES)[number]

export interface Stage extends AsyncDisposable {
  readonly url: string
  /** A file has none. */
  readonly server?: PrivateServer
}

export interface StageOptions extends RedisOptions, PostgresOptions {
  /** Where a file is put; that of a server of its own is not. */
  readonly folder?: string | undefined
}

/** @param options a Redis that may be killed loses nothing with `fsync: 'always'` only */
export async function stageOf(engine: Engine, options: StageOptions = {}): Promise<Stage> {
  switch (engine) {
    case 'postgres':
      return startPostgres(options)
    case 'redis':
      return startRedis(options)
    case 'sqlite': {
      const folder = mkdtempSync(join(options.folder ?? tmpdir(), 'millrace-stage-'))
      return {
        url: `sqlite:${join(folder, 'tasks.db')}`,
        [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
      }
    }
  }
}

/** @throws Error naming those that there are */
export function engineNamed(name: string): Engine {
  const found = ENGINES.find((engine) => engine === name)
  if (found === undefined) throw new Error(`There is no engine ${name}: ${ENGINES.join(', ')}.`)
  return found
}
