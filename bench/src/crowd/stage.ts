/** Where a crowd meets: a SQLite file, or a private server. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../../../test/servers/postgres.ts'
import { startRedis } from '../../../test/servers/redis.ts'

export const ENGINES = ['sqlite', 'postgres', 'redis'] as const
export type Engine = (typeof ENGINES)[number]

export interface Stage extends AsyncDisposable {
  readonly url: string
}

export async function stageOf(engine: Engine): Promise<Stage> {
  switch (engine) {
    case 'postgres':
      return startPostgres()
    case 'redis':
      return startRedis({ fsync: 'everysec' })
    case 'sqlite': {
      const folder = mkdtempSync(join(tmpdir(), 'millrace-crowd-'))
      return {
        url: `sqlite:${join(folder, 'tasks.db')}`,
        [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
      }
    }
  }
}
