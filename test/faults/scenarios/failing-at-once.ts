/** All tasks fail at once: what is tried again does not come all at once. */
import { ENGINES } from '../../servers/stage.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { spreadJob } from '../rig/jobs.ts'
import { Scene, standard } from '../rig/scene.ts'
import { atMost, type Scenario, type Trial, type Verdict } from './scenario.ts'

const WORKERS = 2
const SLOTS = 200
const SHARE_MAX = 5
const LOOK_MS = 100
const FAILED_MS = 120_000

export const failingAtOnce: Scenario = {
  name: 'failing-at-once',
  passes: `at most ${SHARE_MAX} % of the retries come in any second`,
  engines: ENGINES,
  sizes: { short: { tasks: 600, forMs: 0 }, whole: { tasks: 20_000, forMs: 0 } },
  finds: [{ wound: 'draws no jitter', says: /^busiest second/ }],
  run: runFailing,
}

async function runFailing(trial: Trial): Promise<Verdict> {
  const { size } = trial
  await using scene = await Scene.open(trial, { workers: WORKERS, slots: SLOTS, types: ['spread-job'] })
  const order = { task: spreadJob, input: { busyMs: 0, then: 'throw' } } as const
  await scene.mill.queues.pause('default')
  await scene.caller.spread(() => order, { calls: size.tasks, overMs: 0, atATime: 500 })
  await scene.mill.queues.resume('default')
  const failed = (): Promise<boolean> =>
    scene.mill.queues
      .list()
      .then((queues) => queues.find(({ queue }) => queue === 'default')!.counts.ready === 0)
  for (let waitedMs = 0; !(await failed()) && waitedMs < FAILED_MS; waitedMs += LOOK_MS) await sleep(LOOK_MS)
  await scene.mill.queues.pause('default')
  const remains = await scene.remains()
  const bySecond = Map.groupBy(
    remains.tasks.filter(({ counters }) => counters.failures === 1),
    ({ runAt }) => Math.floor(runAt / 1_000),
  )
  const busiest = Math.max(0, ...[...bySecond.values()].map(({ length }) => length))
  const share = Math.round((1_000 * busiest) / size.tasks) / 10
  const unfinished = remains.tasks.filter(({ finishedAt }) => finishedAt === null).map(({ id }) => id)
  const counted = remains.tasks.filter(({ counters }) => counters.failures === 1).length
  return {
    tasks: remains.tasks.length,
    figures: { seconds: bySecond.size, 'busiest second %': share },
    problems: [
      ...standard(scene, remains, { rest: { except: unfinished } }),
      ...(counted === size.tasks ? [] : [`failed: ${counted} of ${size.tasks} tasks have failed once`]),
      ...atMost('busiest second %', share, SHARE_MAX),
    ],
  }
}
