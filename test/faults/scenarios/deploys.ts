/** Workers are relieved one after the other by those of a newer version, which know one more type of task, under load. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ENGINES } from '../../servers/stage.ts'
import { newJob } from '../rig/jobs.ts'
import type { Order } from '../rig/caller.ts'
import { Scene, standard } from '../rig/scene.ts'
import { atMost, type Scenario, type Size, type Trial, type Verdict } from './scenario.ts'

const WORKERS = 4
const SLOTS = 10
/** Shorter than some tasks take: they are given back. */
const DRAIN_MS = 20
const REST_MS = 30_000

export const deploys: Scenario = {
  name: 'deploys',
  passes: 'no failure and no crash is counted; tasks of the new type wait for the new version',
  engines: ENGINES,
  sizes: { short: { tasks: 600, forMs: 4_000 }, whole: { tasks: 8_000, forMs: 40_000 } },
  finds: [{ wound: 'counts what is returned as crashes', says: /crash/ }],
  run: runDeploys,
}

async function runDeploys(trial: Trial): Promise<Verdict> {
  const { size } = trial
  await using scene = await Scene.open(trial, { workers: WORKERS, slots: SLOTS, drainMs: DRAIN_MS })
  await underLoad(scene, size, async () => {
    for (const member of scene.crew.members) {
      await sleep(size.forMs / (WORKERS + 1))
      await scene.crew.relieve(member, { ...scene.part, types: ['job', 'new-job'] })
    }
  })
  const restMs = await scene.rest(REST_MS)
  const remains = await scene.remains()
  // a machine with too much to do may not renew a lease in time: that says nothing of deploys
  const lapsed = new Set(
    remains.grants.flatMap(({ cause, fence }) => (cause === 'lapsed' ? [fence.task] : [])),
  )
  const unlucky = remains.tasks.filter(
    ({ id, counters }) => counters.failures + counters.crashes > 0 && !lapsed.has(id),
  )
  const returns = remains.tasks.reduce((sum, { counters }) => sum + counters.returns, 0)
  const longestMs = remains.tasks.reduce(
    (most, { type, startedAt, enqueuedAt }) =>
      type === 'job' ? Math.max(most, (startedAt ?? Infinity) - enqueuedAt) : most,
    0,
  )
  return {
    tasks: remains.tasks.length,
    figures: {
      relieved: WORKERS,
      'given back': returns,
      'longest wait of the old type ms': longestMs,
      'rest ms': Math.round(restMs ?? Infinity),
    },
    problems: [
      ...standard(scene, remains, { duplicateStartsMax: lapsed.size }),
      ...unlucky.map(
        ({ id, counters: { failures, crashes } }) =>
          `deploy: ${failures} failures and ${crashes} crashes are counted of task ${id}`,
      ),
    ],
    late: atMost('leases that lapsed', lapsed.size, 0),
  }
}

/** Calls come as long as `work` takes: on a busy machine processes begin so slowly that nobody who is relieved would have a task. */
async function underLoad({ caller, random }: Scene, size: Size, work: () => Promise<void>): Promise<void> {
  const order = (n: number): Order => {
    const input = { busyMs: random.between(20, 250) }
    // the first of the new type come before anybody knows it
    return n > size.tasks / 8 && random.chance(0.2) ? { task: newJob, input } : { input }
  }
  const parts = WORKERS + 1
  let working = true
  const calling = async (): Promise<void> => {
    for (let part = 0; part < parts || working; part++)
      await caller.spread(order, { calls: size.tasks / parts, overMs: size.forMs / parts })
  }
  const done = work().finally(() => (working = false))
  await Promise.all([done, calling()])
}
