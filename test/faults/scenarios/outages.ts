/** The server is killed with -9 again and again, and stays away for a while, under flows of three steps. */
import { setTimeout as sleep } from 'node:timers/promises'
import { killAll } from '../../servers/family.ts'
import { ENGINES } from '../../servers/stage.ts'
import { monotonicMs } from '../rig/effects-journal.ts'
import { Scene, standard } from '../rig/scene.ts'
import { atMost, type Scenario, type Trial, type Verdict } from './scenario.ts'

const WORKERS = 3
const SLOTS = 20
const STEPS = 3
/** Longer than any outage: nobody who calls has to call again. */
const PATIENCE_MS = 30_000
const RESUME_MS = 3_000
const REST_MS = 60_000

export const outages: Scenario = {
  name: 'outages',
  passes: `all flows are whole, and no caller tries again; work goes on within ${RESUME_MS} ms`,
  engines: ENGINES.filter((engine) => engine !== 'sqlite'),
  sizes: { short: { tasks: 300, forMs: 6_000 }, whole: { tasks: 15_000, forMs: 90_000 } },
  finds: [{ wound: 'forgets what it acknowledged', says: /^lost:/ }],
  run: runOutages,
}

async function runOutages(trial: Trial): Promise<Verdict> {
  const { size } = trial
  await using scene = await Scene.open(trial, { workers: WORKERS, slots: SLOTS, storeTimeoutMs: PATIENCE_MS })
  const { random } = scene
  const flows = size.tasks / STEPS
  const calling = scene.caller.spread(() => ({ input: { busyMs: random.between(0, 50) }, steps: STEPS }), {
    calls: flows,
    overMs: size.forMs,
  })
  const upAt: number[] = []
  for (const end = monotonicMs() + size.forMs; ;) {
    await sleep(random.between(size.forMs < 30_000 ? 1_000 : 3_000, size.forMs < 30_000 ? 2_000 : 5_000))
    if (monotonicMs() > end) break
    await killAll(scene.stage.server!)
    await sleep(random.between(0, 2_000))
    await scene.stage.server!.start()
    upAt.push(monotonicMs())
  }
  await calling
  const restMs = await scene.rest(REST_MS)
  const remains = await scene.remains()
  const starts = remains.effects.filter(({ phase }) => phase === 'start').map(({ atMs }) => atMs)
  // after the last one there may be nothing left to do
  const resumed = upAt.slice(0, -1).map((at) => (starts.find((start) => start > at) ?? Infinity) - at)
  const { codes } = scene.caller
  const ok = codes.get('ok') ?? 0
  const succeeded = remains.tasks.filter(({ state }) => state === 'succeeded').length
  return {
    tasks: remains.tasks.length,
    figures: {
      kills: upAt.length,
      'flows acknowledged': ok,
      succeeded,
      'resumed max ms': Math.round(Math.max(0, ...resumed)),
      'rest ms': Math.round(restMs ?? Infinity),
    },
    problems: [
      ...standard(scene, remains),
      ...(ok === flows ? [] : [`flow: ${flows - ok} calls were refused: ${JSON.stringify([...codes])}`]),
      ...(succeeded === flows * STEPS ? [] : [`flow: ${succeeded} steps succeeded of ${flows * STEPS}`]),
    ],
    late: atMost('resumed ms', Math.max(0, ...resumed), RESUME_MS),
  }
}
