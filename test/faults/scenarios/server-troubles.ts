/**
 * What else befalls connections to a server that goes on: they are terminated, others take them all, scripts are
 * forgotten, a table is locked.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type RedisClientType } from '@redis/client'
import pg from 'pg'
import { ENGINES } from '../../servers/stage.ts'
import { monotonicMs } from '../rig/effects-journal.ts'
import { Scene, standard, type Remains, type ScenePlan } from '../rig/scene.ts'
import { atMost, type Scenario, type Trial, type Verdict } from './scenario.ts'
import type { SeededRandom } from '@millrace/core/simulation'

const WORKERS = 3
const SLOTS = 20
const REST_MS = 60_000
const PATIENCE_MS = 30_000
/** Shorter than others keep the connections: callers are told. */
const SHORT_PATIENCE_MS = 1_000
/** Work is back to what it was within so long after the last of it. */
const RESUME_MS = 5_000
const SHARE_MIN = 0.9
/** For so long work is measured before and after. */
const CALM_MS = 3_000

const TYPED: readonly string[] = ['ok', 'store-unavailable', 'store-busy', 'ambiguous', 'backpressure']

/** Does its worst for so long. */
type Pest = (url: string, forMs: number, random: SeededRandom) => Promise<number>

export const serverTroubles: Scenario = {
  name: 'server-troubles',
  passes: `at least ${SHARE_MIN * 100} % of the throughput again within ${RESUME_MS} ms`,
  engines: ENGINES.filter((engine) => engine !== 'sqlite'),
  sizes: { short: { tasks: 600, forMs: 3_000 }, whole: { tasks: 10_000, forMs: 25_000 } },
  finds: [{ wound: 'forgets what it acknowledged', says: /^lost:/ }],
  run: (trial) =>
    troubled(trial, trial.engine === 'redis' ? troubleRedis : terminateBackends, {
      storeTimeoutMs: PATIENCE_MS,
    }),
}

export const exhaustedConnections: Scenario = {
  name: 'exhausted-connections',
  passes: `callers are told by typed errors; at least ${SHARE_MIN * 100} % of the throughput again within ${RESUME_MS} ms`,
  engines: ['postgres'],
  sizes: { short: { tasks: 600, forMs: 3_000 }, whole: { tasks: 6_000, forMs: 20_000 } },
  finds: [{ wound: 'forgets what it acknowledged', says: /^lost:/ }],
  async run(trial) {
    const settings = { max_connections: '50' }
    const verdict = await troubled(trial, exhaustConnections, { storeTimeoutMs: SHORT_PATIENCE_MS, settings })
    const shown = Number(verdict.figures['refused']) > 0
    const problems = shown ? [] : ['exhausted: nobody was refused, so nothing was shown']
    return { ...verdict, problems: [...verdict.problems, ...problems] }
  },
}

async function troubled(trial: Trial, pest: Pest, more: Partial<ScenePlan>): Promise<Verdict> {
  const { size } = trial
  await using scene = await Scene.open(trial, { workers: WORKERS, slots: SLOTS, ...more })
  const { random } = scene
  const begun = monotonicMs()
  const calling = scene.caller.spread(() => ({ input: { busyMs: random.between(0, 40) } }), {
    calls: size.tasks,
    overMs: CALM_MS + size.forMs + RESUME_MS + CALM_MS,
  })
  await sleep(CALM_MS)
  const pestsAt = monotonicMs()
  const blows = await pest(scene.stage.url, size.forMs, random)
  const overAt = monotonicMs()
  await calling
  const endAt = monotonicMs()
  const restMs = await scene.rest(REST_MS)
  const remains = await scene.remains()
  const before = perSecond(remains, begun, pestsAt)
  const after = perSecond(remains, overAt + RESUME_MS, Math.max(endAt, overAt + RESUME_MS + 1_000))
  const { codes, longestMs, refused } = scene.caller
  const untyped = [...codes.keys()].filter((code) => !TYPED.includes(code))
  return {
    tasks: remains.tasks.length,
    figures: {
      blows,
      'before per s': Math.round(before),
      'after per s': Math.round(after),
      refused,
      'longest call ms': Math.round(longestMs),
      'rest ms': Math.round(restMs ?? Infinity),
    },
    problems: [
      ...standard(scene, remains),
      ...untyped.map((code) => `answer: ${codes.get(code)} calls ended with ${code}`),
    ],
    late: atMost('throughput lost %', 100 * (1 - after / before), 100 * (1 - SHARE_MIN)),
  }
}

function perSecond({ effects }: Remains, fromMs: number, toMs: number): number {
  const ends = effects.filter(({ phase, atMs }) => phase === 'end' && atMs >= fromMs && atMs < toMs)
  return (1_000 * ends.length) / (toMs - fromMs)
}

const OF_OTHERS = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'pest'"
const TOO_MANY_CONNECTIONS = '53300'
/** Those who are faster get them. */
const AT_ONCE = 20

/** Ten backends a second, and a lock on the table of all live tasks for the last part. */
async function terminateBackends(url: string, forMs: number, random: SeededRandom): Promise<number> {
  const client = await pestOn(url)
  let blows = 0
  const lockMs = forMs * 0.4
  for (const end = monotonicMs() + forMs - lockMs; monotonicMs() < end; await sleep(100)) {
    const found = await client.query<{ pid: number }>(`SELECT pid ${OF_OTHERS} ORDER BY pid`)
    const { pid } = found.rows[random.between(0, found.rows.length - 1)] ?? {}
    if (pid === undefined) continue
    await client.query('SELECT pg_terminate_backend($1)', [pid])
    blows += 1
  }
  await client.query('BEGIN')
  await client.query('LOCK TABLE millrace.live IN ACCESS EXCLUSIVE MODE')
  await sleep(lockMs)
  await client.query('ROLLBACK')
  await client.end()
  return blows + 1
}

/** Others take every connection that the server gives, also those of the workers and the client, and keep them. */
async function exhaustConnections(url: string, forMs: number): Promise<number> {
  const ruler = await pestOn(url)
  const hogs: pg.Client[] = []
  const takesOne = async (): Promise<boolean> => {
    try {
      hogs.push(await pestOn(url))
      return true
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === TOO_MANY_CONNECTIONS) return false
      throw error
    }
  }
  for (const end = monotonicMs() + forMs; monotonicMs() < end; await sleep(100)) {
    await ruler.query(`SELECT pg_terminate_backend(pid) ${OF_OTHERS}`)
    while ((await Promise.all(Array.from({ length: AT_ONCE }, takesOne))).includes(true));
  }
  await Promise.all([...hogs, ruler].map((client) => client.end()))
  return hogs.length
}

async function pestOn(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'pest' })
  await client.connect()
  return client
}

/** All connections are killed, and all scripts forgotten, in turns. */
async function troubleRedis(url: string, forMs: number): Promise<number> {
  const client: RedisClientType = createClient({ url })
  client.on('error', () => undefined) // it may be killed, too
  await client.connect()
  let blows = 0
  for (const end = monotonicMs() + forMs; monotonicMs() < end; await sleep(250)) {
    const command =
      blows % 2 === 0 ? ['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'] : ['SCRIPT', 'FLUSH']
    await client.sendCommand(command)
    blows += 1
  }
  await client.close()
  return blows
}
