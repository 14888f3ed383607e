/** Handlers that go astray where no worker can catch them: a rejection nobody awaits, a throw in a timer, an exit, and no end. */
import { ENGINES } from '../../servers/stage.ts'
import { ASTRAY, job, shortJob, type Astray } from '../rig/jobs.ts'
import { Scene, standard } from '../rig/scene.ts'
import type { Scenario, Trial, Verdict } from './scenario.ts'

const WORKERS = 2
const REST_MS = 30_000
/** Each stray, and a sibling that runs beside it. */
const KINDS = [...ASTRAY, 'sibling'] as const
type Kind = (typeof KINDS)[number]
/** Longer than it takes until it is known what became of a stray. */
const SIBLING_MS = 1_500

export const strays: Scenario = {
  name: 'strays',
  passes: 'the offender fails once, with its code; siblings and the worker go on',
  engines: ENGINES,
  sizes: { short: { tasks: 30, forMs: 0 }, whole: { tasks: 300, forMs: 0 } },
  finds: [{ wound: 'lets no time run out', says: /^stray:/ }],
  run: runStrays,
}

const EXPECTED: Readonly<Record<Kind, string>> = {
  reject: 'failed by unhandled',
  'throw later': 'failed by unhandled',
  exit: 'failed by process-exit',
  hang: 'failed by timeout',
  sibling: 'succeeded',
}

async function runStrays(trial: Trial): Promise<Verdict> {
  const { size } = trial
  // those that never end keep their slots
  const plan = { workers: WORKERS, slots: size.tasks, types: ['job', 'short-job'], drainMs: 0 } as const
  await using scene = await Scene.open(trial, plan)
  const kinds = new Map<string, Kind>()
  for (let n = 0; n < size.tasks; n++) {
    const kind = KINDS[n % KINDS.length]!
    const then = kind === 'sibling' ? undefined : (kind satisfies Astray)
    const order =
      then === undefined
        ? { task: job, input: { busyMs: SIBLING_MS } }
        : { task: shortJob, input: { busyMs: 20, then } }
    kinds.set((await scene.caller.one(() => order))!, kind)
  }
  const restMs = await scene.rest(REST_MS)
  const gone = scene.crew.members.filter(({ deserted }) => deserted).length
  const remains = await scene.remains()
  const wrong = remains.tasks.flatMap(({ id, state, reason, error, counters }) => {
    const code = reason === 'timeout' ? reason : (error?.code ?? reason)
    const became = state === 'failed' ? `failed by ${code}` : state
    const expected = EXPECTED[kinds.get(id)!]
    const { claims, failures, crashes } = counters
    const once = claims === 1 && crashes === 0 && failures === (state === 'failed' ? 1 : 0)
    return became === expected && once
      ? []
      : [`stray: task ${id} (${kinds.get(id)}) ${became}, counted ${JSON.stringify(counters)}`]
  })
  return {
    tasks: remains.tasks.length,
    figures: { strays: kinds.size, 'rest ms': Math.round(restMs ?? Infinity) },
    problems: [
      ...standard(scene, remains, { duplicateStartsMax: 0 }),
      ...wrong,
      ...(gone === 0 ? [] : [`stray: ${gone} workers ended`]),
    ],
  }
}
