/** A private Redis for a run, or the database that MILLRACE_TEST_REDIS_URL names, which is emptied after each trial. */
import { Redis } from 'ioredis'
import { startRedis } from '../../../test/servers/redis.ts'
import { linesOf } from './redis-answers.ts'
import type { Plot, Site } from './site.ts'

/** How often to look whether the append-only file has been rewritten. */
const LOOK_MS = 10

export async function redisSite(): Promise<Site> {
  const given = process.env['MILLRACE_TEST_REDIS_URL']
  if (given !== undefined) return siteAt(given, null)
  const started = await startRedis()
  return siteAt(started.url, started.server)
}

interface Server extends AsyncDisposable {
  readonly pid: number | undefined
}

async function siteAt(url: string, server: Server | null): Promise<Site> {
  const admin = new Redis(url)
  const { redis_version: version } = linesOf(await admin.info('server'))
  const { appendonly, appendfsync } = await settings(admin)
  const whose = server === null ? 'the one that was named' : 'started for this run'
  return {
    about: `Redis ${version}, ${whose}: appendonly=${appendonly}, appendfsync=${appendfsync}`,
    pid: server?.pid ?? null,
    plot: () => plot(url, admin, server !== null),
    async [Symbol.asyncDispose]() {
      await admin.quit()
      await server?.[Symbol.asyncDispose]()
    },
  }
}

async function settings(admin: Redis): Promise<Readonly<Record<string, string>>> {
  const pairs = (await admin.config('GET', 'append*')) as readonly string[]
  return Object.fromEntries(
    pairs.flatMap((name, index) => (index % 2 === 0 ? [[name, pairs[index + 1]!]] : [])),
  )
}

async function plot(url: string, admin: Redis, ours: boolean): Promise<Plot> {
  const keys = await admin.dbsize()
  // A database that is not ours to empty must be empty, so that emptying it afterwards takes nothing away.
  if (keys > 0)
    throw new Error(`The Redis at ${new URL(url).host} holds ${keys} keys: name an empty database.`)
  if (ours) await shortLog(admin)
  return {
    url,
    async [Symbol.asyncDispose]() {
      await admin.flushdb()
    },
  }
}

/** Redis rewrites its log when it has grown enough: now, so that it does not happen in the middle of a trial. */
async function shortLog(admin: Redis): Promise<void> {
  // one that it began by itself has to end first
  await rewritten(admin)
  await admin.bgrewriteaof()
  await rewritten(admin)
}

async function rewritten(admin: Redis): Promise<void> {
  for (;;) {
    const { aof_rewrite_in_progress: busy, aof_rewrite_scheduled: soon } = linesOf(
      await admin.info('persistence'),
    )
    if (busy === '0' && soon === '0') return
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}
