/** Handlers that never look at their signal, neither when their time is up nor when they are asked to stop. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ENGINES } from '../../servers/stage.ts'
import { job, shortJob } from '../rig/jobs.ts'
import { Scene, standard } from '../rig/scene.ts'
import type { Order } from '../rig/caller.ts'
import type { Scenario, Trial, Verdict } from './scenario.ts'

const SLOTS = 20
/** Longer than what a worker leaves to a handler whose time is up. */
const OVERTIME_MS = 3_000
/** Longer than until a cancel request is heard, and what a handler is left then. */
const CANCELLED_MS = 11_000
const REST_MS = 30_000
const KINDS = ['overtime', 'cancelled', 'sibling'] as const

export const deafHandlers: Scenario = {
  name: 'deaf-handlers',
  passes:
    'each outcome is decided once, without the handler, and stands when it returns, and the slot is reported; siblings go on',
  engines: ENGINES,
  sizes: { short: { tasks: 30, forMs: 0 }, whole: { tasks: 300, forMs: 0 } },
  finds: [{ wound: 'lets no time run out', says: /^deaf:/ }],
  run: runDeaf,
}

const ORDERS: Readonly<Record<(typeof KINDS)[number], Order>> = {
  overtime: { task: shortJob, input: { busyMs: OVERTIME_MS, then: 'deaf' } },
  cancelled: { task: job, input: { busyMs: CANCELLED_MS, then: 'deaf' } },
  sibling: { task: job, input: { busyMs: 50 } },
}

const EXPECTED = {
  overtime: { state: 'failed', reason: 'timeout' },
  cancelled: { state: 'cancelled', reason: null },
  sibling: { state: 'succeeded', reason: null },
} as const

/** What a worker says once of a slot that it has written off. */
const SAID = {
  overtime: 'its slot stays taken',
  cancelled: 'the lease was lost while the handler ran',
  sibling: null,
} as const

async function runDeaf(trial: Trial): Promise<Verdict> {
  const { size } = trial
  await using scene = await Scene.open(trial, { workers: 2, slots: SLOTS, types: ['job', 'short-job'] })
  const kinds = new Map<string, (typeof KINDS)[number]>()
  const cancelling: Promise<unknown>[] = []
  for (let n = 0; n < size.tasks; n++) {
    const kind = KINDS[n % KINDS.length]!
    const id = (await scene.caller.one(() => ORDERS[kind]))!
    kinds.set(id, kind)
    if (kind === 'cancelled') cancelling.push(cancelled(scene, id))
  }
  await Promise.all(cancelling)
  const restMs = await scene.rest(REST_MS)
  const decided = await states(scene, [...kinds.keys()])
  const remains = await scene.remains()
  const wrong = remains.tasks.filter(({ id, state, reason }) => {
    const expected = EXPECTED[kinds.get(id)!]
    return state !== expected.state || reason !== expected.reason || decided.get(id) !== state
  })
  const unsaid = remains.tasks.filter(({ id }) => {
    const says = SAID[kinds.get(id)!]
    const said = remains.reports.filter((report) => report.task === id).map((report) => report.says)
    return said.length !== (says === null ? 0 : 1) || (says !== null && !said[0]!.includes(says))
  })
  const ends = remains.effects.filter(({ phase }) => phase === 'end').length
  return {
    tasks: remains.tasks.length,
    figures: { 'handlers that came back': ends, 'rest ms': Math.round(restMs ?? Infinity) },
    problems: [
      ...standard(scene, remains, { duplicateStartsMax: 0 }),
      ...wrong.map(({ id, state, reason }) => `deaf: task ${id} (${kinds.get(id)}) is ${state} (${reason})`),
      ...unsaid.map(
        ({ id }) => `deaf: of task ${id} (${kinds.get(id)}) is not reported that its slot is gone`,
      ),
      ...(ends === size.tasks
        ? []
        : [`deaf: ${ends} handlers came back of ${size.tasks}, so nothing was shown`]),
    ],
  }
}

/** Once it runs. */
async function cancelled({ mill }: Scene, id: string): Promise<void> {
  while ((await mill.tasks.get(id))?.state !== 'running') await sleep(20)
  await mill.tasks.cancel(id)
}

async function states({ mill }: Scene, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = await Promise.all(ids.map((id) => mill.tasks.get(id)))
  return new Map(found.map((task) => [task!.id, task!.state]))
}
