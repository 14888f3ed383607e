/** Handlers that block the main thread of their worker for longer than its lease. */
import { ENGINES } from '../../servers/stage.ts'
import { newJob } from '../rig/jobs.ts'
import { LEASE_MS, Scene, standard } from '../rig/scene.ts'
import type { Scenario, Trial, Verdict } from './scenario.ts'

const WORKERS = 10
/** What it takes beside being blocked, at most. */
const REST_MS = 30_000

export const blockedThreads: Scenario = {
  name: 'blocked-threads',
  passes: 'no lease is lost, no task is started twice',
  engines: ENGINES,
  // how long each is blocked
  sizes: { short: { tasks: 2, forMs: LEASE_MS + 3_000 }, whole: { tasks: 200, forMs: 10_000 } },
  finds: [{ wound: 'beats on the main thread alone', says: /^blocked:/ }],
  run: runBlocked,
}

async function runBlocked(trial: Trial): Promise<Verdict> {
  const { size, wound } = trial
  const workers = Math.min(WORKERS, size.tasks)
  await using scene = await Scene.open(trial, { workers, slots: 1 })
  // somebody who is never blocked, and looks after what others have left
  const onlooker = scene.mill.worker({ handlers: newJob.handler(() => ''), lease: LEASE_MS })
  await onlooker.start()
  const order = { input: { busyMs: size.forMs, then: 'blocks' } } as const
  await scene.caller.spread(() => order, { calls: size.tasks, overMs: 500 })
  const boundMs = Math.ceil(size.tasks / workers) * size.forMs * 2
  // who loses them each time never comes to rest
  const restMs = await scene.rest(wound === undefined ? boundMs + REST_MS : boundMs)
  await onlooker.stop()
  const remains = await scene.remains()
  const lost = remains.tasks.filter(({ counters }) => counters.claims > 1 || counters.crashes > 0)
  return {
    tasks: remains.tasks.length,
    figures: { 'leases lost': lost.length, 'rest ms': Math.round(restMs ?? Infinity) },
    problems: [
      ...standard(scene, remains, { duplicateStartsMax: 0 }),
      ...lost.map(
        ({ id, counters }) =>
          `blocked: task ${id} has ${counters.claims} claims, ${counters.crashes} crashes`,
      ),
    ],
  }
}
