/** Workers die at each step of a schedule's tick: when they look what is due, before they take it, meanwhile, and after. */
import { setTimeout as sleep } from 'node:timers/promises'
import { taskId } from 'millrace'
import { ENGINES } from '../../servers/stage.ts'
import { job } from '../rig/jobs.ts'
import { STEPS } from '../rig/mortal.ts'
import { Scene, standard } from '../rig/scene.ts'
import type { Scenario, Trial, Verdict } from './scenario.ts'

const WORKERS = 3
const SLOTS = 20
const EVERY_MS = 1_000
/** In this time all schedules shall be there, before the first fires. */
const AHEAD_MS = 1_000
const LOOK_MS = 50
const REST_MS = 60_000

export const cutTicks: Scenario = {
  name: 'cut-ticks',
  passes: 'exactly one task per fire time',
  engines: ENGINES,
  sizes: { short: { tasks: 50, forMs: 5_000 }, whole: { tasks: 600, forMs: 30_000 } },
  finds: [{ wound: 'fires without a run', says: /^fire:/ }],
  run: runCutTicks,
}

async function runCutTicks(trial: Trial): Promise<Verdict> {
  const { size } = trial
  await using scene = await Scene.open(trial, { workers: 0, slots: SLOTS })
  const times = size.forMs / EVERY_MS
  const names = Array.from({ length: size.tasks / times }, (_, n) => `beat.${n}`)
  const from = await scheduled(scene, names, times)
  let begun = 0
  for (; begun < WORKERS; begun++)
    await scene.crew.hire({ ...scene.part, diesAt: STEPS[begun % STEPS.length] })
  let restMs: number | null = null
  for (
    const endAt = performance.now() + size.forMs + REST_MS;
    performance.now() < endAt;
    await sleep(LOOK_MS)
  ) {
    const fires = await scene.bare((store) => store.dueSchedules({ max: 1 }))
    const isOver = fires.due.length === 0 && fires.nextInMs === null
    for (const member of scene.crew.members.filter(({ deserted }) => deserted)) {
      await scene.succeed(member, { ...scene.part, diesAt: STEPS[begun % STEPS.length] })
      begun += 1
    }
    if (isOver) {
      // what those have who die yet is somebody's
      await scene.crew.hire(scene.part)
      restMs = await scene.rest(REST_MS)
      break
    }
  }
  const remains = await scene.remains()
  const expected = new Set(
    names.flatMap((name) =>
      Array.from({ length: times }, (_, n) => taskId('millrace.schedule', name, String(from + n * EVERY_MS))),
    ),
  )
  const there = new Set<string>(remains.tasks.map(({ id }) => id))
  const missing = [...expected].filter((id) => !there.has(id)).length
  const extra = [...there].filter((id) => !expected.has(id)).length
  const deaths = remains.processes.filter(({ event }) => event === 'killed').length
  return {
    tasks: remains.tasks.length,
    figures: { 'fire times': expected.size, deaths, 'rest ms': Math.round(restMs ?? Infinity) },
    problems: [
      ...standard(scene, remains, { enqueues: undefined }),
      ...(missing === 0 ? [] : [`fire: ${missing} fire times have no task`]),
      ...(extra === 0 ? [] : [`fire: ${extra} tasks are too many`]),
      // in small it is chance how many come so far
      ...(deaths >= Math.min(STEPS.length, size.tasks / 50)
        ? []
        : [`fire: ${deaths} workers died, so little was shown`]),
    ],
  }
}

/** When they all fire first. On a slow machine some came later than that: then all begin later, since nobody has fired yet. */
async function scheduled(scene: Scene, names: readonly string[], times: number): Promise<number> {
  const now = (): Promise<number> => scene.bare((store) => store.now())
  for (let aheadMs = AHEAD_MS; ; aheadMs *= 2) {
    const from = Math.ceil(((await now()) + aheadMs) / EVERY_MS) * EVERY_MS
    const plan = {
      every: EVERY_MS,
      from,
      until: from + (times - 1) * EVERY_MS,
      missed: { all: 1_000 },
    } as const
    for (const name of names)
      await scene.mill.schedules.put(name, { task: job, input: { busyMs: 0 }, ...plan })
    if ((await now()) < from) return from
  }
}
