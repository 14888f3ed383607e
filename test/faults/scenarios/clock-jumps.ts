/** The clock of the store itself jumps back by an hour, comes back, and jumps ahead by one, under load. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from 'millrace'
import { monotonicMs } from '../rig/effects-journal.ts'
import { Scene, standard } from '../rig/scene.ts'
import type { Scenario, Trial, Verdict } from './scenario.ts'

const WORKERS = 3
const SLOTS = 20
const HOUR_MS = 3_600_000
/** It comes only when the clock jumps ahead. */
const LONG_MS = HOUR_MS / 2
const REST_MS = 60_000

export const clockJumps: Scenario = {
  name: 'clock-jumps',
  passes: 'nothing starts early, each task has one outcome',
  // on SQLite it is the clock of the machine
  engines: ['postgres', 'redis'],
  sizes: { short: { tasks: 300, forMs: 6_000 }, whole: { tasks: 6_000, forMs: 60_000 } },
  finds: [{ wound: "goes by the caller's clock", says: /^due:/ }],
  run: runJumps,
}

async function runJumps(trial: Trial): Promise<Verdict> {
  const { size, wound } = trial
  await using scene = await Scene.open(trial, { workers: WORKERS, slots: SLOTS })
  const { random } = scene
  let willJump = true
  const calling = scene.caller.spread(
    () => {
      const delay = willJump && random.chance(0.1) ? LONG_MS : random.between(0, 1_000)
      return { input: { busyMs: random.between(0, 200) }, options: { delay, tags: [String(delay)] } }
    },
    { calls: size.tasks, overMs: size.forMs },
  )
  const jump = async (ms: number): Promise<void> => {
    await sleep(size.forMs / 4)
    await scene.bare((store) => (store as Store & { shiftClock(by: number): Promise<void> }).shiftClock(ms))
  }
  await jump(-HOUR_MS)
  await jump(HOUR_MS)
  willJump = false
  const aheadAt = monotonicMs() + size.forMs / 4
  await jump(HOUR_MS)
  await calling
  const restMs = await scene.rest(wound === undefined ? REST_MS : size.forMs)
  const remains = await scene.remains()
  const long = new Set(remains.tasks.filter(({ tags }) => tags[0] === String(LONG_MS)).map(({ id }) => id))
  const early = remains.effects.filter(
    ({ phase, task, atMs }) => phase === 'start' && long.has(task) && atMs < aheadAt,
  )
  const wrong = remains.tasks.filter(({ runAt, enqueuedAt, tags, counters }) => {
    // what is tried again is due anew
    return counters.crashes === 0 && runAt !== enqueuedAt + Number(tags[0])
  })
  const before = remains.tasks.filter(
    ({ startedAt, runAt, counters }) => counters.crashes === 0 && startedAt !== null && startedAt < runAt,
  )
  return {
    tasks: remains.tasks.length,
    figures: {
      'due by the jump': long.size,
      'leases lost': new Set(
        remains.grants.flatMap(({ cause, fence }) => (cause === 'lapsed' ? [fence.task] : [])),
      ).size,
      'rest ms': Math.round(restMs ?? Infinity),
    },
    problems: [
      ...standard(scene, remains),
      ...early.map(({ task }) => `early: task ${task} started before the clock jumped`),
      ...before.map(({ id, startedAt, runAt }) => `early: task ${id} started ${runAt - startedAt!} ms early`),
      ...wrong.map(
        ({ id, runAt, enqueuedAt, tags }) =>
          `due: task ${id} is due ${runAt - enqueuedAt} ms after it came, not ${tags[0]}`,
      ),
      ...(long.size > 0 ? [] : ['early: nothing waited for the jump, so nothing was shown']),
    ],
  }
}
