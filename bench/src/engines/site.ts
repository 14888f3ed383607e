/** Where the stores of one run stand: an engine that was started for it, or that was named. */
import { fileSite } from './files.ts'
import type { Scale } from '../load.ts'

export interface Site extends AsyncDisposable {
  /** What stands there, as a line of the report. */
  readonly about: string
  /** The engine's first process, if it is one of this machine that we may look at. */
  readonly pid: number | null
  /** An empty place for one trial. */
  plot(): Promise<Plot>
}

export interface Plot extends AsyncDisposable {
  /** As Millrace's own. */
  readonly url: string
}

export async function openSite({ engine, quick }: Scale): Promise<Site> {
  switch (engine) {
    case 'sqlite':
    case 'memory':
      return fileSite(engine)
    case 'postgres': {
      const { postgresSite } = await import('./postgres.ts')
      return postgresSite(quick ? 'in a hurry' : 'thorough')
    }
    case 'redis': {
      const { redisSite } = await import('./redis.ts')
      return redisSite()
    }
  }
}
