/** Tasks that crash whatever runs them fail for themselves: no neighbour does. MILLRACE_POISON=1000,21 for more of them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { expect, test } from 'vitest'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import { poisoned } from './poison/rig.ts'

const [TASKS = 100, PILLS = 3] = (process.env['MILLRACE_POISON'] ?? '100,3').split(',').map(Number)
const LIMIT_MS = 120_000 + 40_000 * PILLS

interface Place extends AsyncDisposable {
  readonly url: string
}

async function startSqlite(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-'))
  return {
    url: `sqlite:${join(folder, 'poison.db')}`,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

const STORES: readonly (readonly [string, () => Promise<Place>])[] = [
  ['SQLite', startSqlite],
  ['Postgres', startPostgres],
  ['Redis', startRedis],
]

test.concurrent.each(STORES)(
  `${PILLS} pills among ${TASKS} tasks on %s: each fails after three crashes alone, and nothing else does`,
  async (name, start) => {
    await using place = await start()
    const begunMs = performance.now()
    const { pills, neighbours, deaths } = await poisoned(place.url, { tasks: TASKS, pills: PILLS })
    const crashes = neighbours.filter(({ counters }) => counters.crashes > 0).length
    process.stdout.write(
      `${name}: ${Math.round(performance.now() - begunMs)} ms, the worker died ${deaths} times, ` +
        `${crashes} of ${neighbours.length} neighbours crashed with others\n`,
    )
    const fates = pills.map(({ state, reason, counters }) => [
      state,
      reason,
      counters.isolatedCrashes,
      counters.failures,
    ])
    expect(fates).toEqual(pills.map(() => ['failed', 'crashed', 3, 0]))
    expect(neighbours.filter(({ state }) => state !== 'succeeded')).toEqual([])
    expect(
      neighbours.filter(({ counters }) => counters.isolatedCrashes > 0 || counters.failures > 0),
    ).toEqual([])
  },
  LIMIT_MS,
)

test('a worker that is not told of crashes dies of its pill again and again', async () => {
  await using place = await startSqlite()
  const plan = { tasks: 20, pills: 1, wound: 'keeps crashes to itself', startsMax: 5 } as const
  await expect(poisoned(place.url, plan)).rejects.toThrow('the worker died 5 times')
}, 60_000)
