/** Workers are killed with -9 at random, and replaced, while tasks come in. */
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../rig/effects-journal.ts'
import { LEASE_MS, Scene, standard, type Remains } from '../rig/scene.ts'
import { atMost, type Scenario, type Trial, type Verdict } from './scenario.ts'
import { ENGINES } from '../../servers/stage.ts'

const WORKERS = 4
const SLOTS = 20
/** A take-over is looked for every 2 s. */
const RECOVERY_MS = LEASE_MS + 2_000
const REST_MS = 60_000

export const kills: Scenario = {
  name: 'kills',
  passes: `every task of a killed worker is taken over within ${RECOVERY_MS} ms; duplicate starts ≤ kills × slots`,
  engines: ENGINES,
  sizes: { short: { tasks: 400, forMs: 4_000 }, whole: { tasks: 20_000, forMs: 60_000 } },
  finds: [
    { wound: 'forgets what it acknowledged', says: /^lost:/ },
    { wound: 'takes nothing over', says: /^not-drained:|never taken over/ },
    { wound: 'takes over from the living', says: /lives/ },
  ],
  run: runKills,
}

async function runKills(trial: Trial): Promise<Verdict> {
  const { size, wound } = trial
  await using scene = await Scene.open(trial, { workers: WORKERS, slots: SLOTS })
  const { random } = scene
  const calling = scene.caller.spread(() => ({ input: { busyMs: random.between(0, 200) } }), {
    calls: size.tasks,
    overMs: size.forMs,
  })
  const end = monotonicMs() + size.forMs
  let count = 0
  for (;;) {
    await sleep(random.between(500, 2_000))
    if (monotonicMs() > end) break
    await scene.strike()
    count += 1
  }
  await calling
  const restMs = await scene.rest(wound === undefined ? REST_MS : 2 * RECOVERY_MS)
  const remains = await scene.remains()
  const { times, problems } = recoveries(remains)
  const starts = remains.effects.filter(({ phase }) => phase === 'start')
  const duplicates = starts.length - new Set(starts.map(({ task }) => task)).size
  return {
    tasks: remains.tasks.length,
    figures: {
      kills: count,
      'duplicate starts': duplicates,
      'recovered tasks': times.length,
      'recovery p50 ms': Math.round(times[times.length >> 1] ?? 0),
      'recovery max ms': Math.round(times.at(-1) ?? 0),
      'rest ms': Math.round(restMs ?? Infinity),
    },
    problems: [
      ...standard(scene, remains, { duplicateStartsMax: count * SLOTS }),
      ...problems,
      ...atMost('duplicate starts', duplicates, count * SLOTS),
    ],
    late: atMost('recovery max ms', Math.round(times.at(-1) ?? 0), RECOVERY_MS),
  }
}

/** From each kill until what the killed worker had was somebody else's, in the order of their lengths. */
function recoveries({ grants, settlements, processes, tasks }: Remains): {
  readonly times: readonly number[]
  readonly problems: readonly string[]
} {
  const killedAt = new Map(
    processes.filter(({ event }) => event === 'killed').map(({ pid, atMs }) => [pid, atMs]),
  )
  const settled = new Set(
    settlements.filter(({ verdict }) => verdict !== 'stale').map(({ fence }) => nameOf(fence)),
  )
  const owners = Map.groupBy(grants, ({ fence }) => fence.task)
  const finished = new Map(tasks.map((task) => [task.id, task]))
  const [times, problems]: [number[], string[]] = [[], []]
  for (const [task, all] of owners) {
    for (const [index, { fence, pid, atMs }] of all.entries()) {
      const next = all.slice(index + 1).find((one) => one.fence.epoch > fence.epoch)
      const killed = killedAt.get(pid)
      if (next !== undefined && next.by === 'take-over' && next.cause === 'lapsed') {
        if (killed === undefined || killed > next.atMs)
          problems.push(`task ${task} was taken from the process ${pid}, which lives`)
      }
      if (
        killed === undefined ||
        settled.has(nameOf(fence)) ||
        (next?.atMs ?? Infinity) < killed ||
        atMs > killed
      )
        continue
      const record = finished.get(task)
      // it may have ended without a word of the one that was killed
      if (next === undefined && record?.epoch === fence.epoch && record.finishedAt !== null) continue
      if (next === undefined) problems.push(`task ${task} of the killed process ${pid} was never taken over`)
      else times.push(next.atMs - killed)
    }
  }
  return { times: times.toSorted((one, other) => one - other), problems }
}

function nameOf({
  task,
  epoch,
  nonce,
}: {
  readonly task: string
  readonly epoch: number
  readonly nonce: string
}): string {
  return `${task} ${epoch} ${nonce}`
}
