/** A worker is stopped in the middle of its tasks, for longer than its lease; they run elsewhere; then it goes on and writes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ENGINES } from '../../servers/stage.ts'
import { readEffects } from '../rig/effects-journal.ts'
import { Scene, standard, type Remains } from '../rig/scene.ts'
import { atMost, type Scenario, type Trial, type Verdict } from './scenario.ts'

const WORKERS = 2
const BUSY_MS = 2_000
const LOOK_MS = 50
/** A lease, a look for what is lost, the run elsewhere, and some more. */
const ELSEWHERE_MS = 20_000
const REST_MS = 30_000

export const zombies: Scenario = {
  name: 'zombies',
  passes: 'every write of the one that was stopped is refused; the result of the second run stands',
  engines: ENGINES,
  sizes: { short: { tasks: 20, forMs: 0 }, whole: { tasks: 100, forMs: 0 } },
  finds: [{ wound: 'accepts stale settlements', says: /^stale-accepted:|^zombie:/ }],
  run: runZombies,
}

async function runZombies(trial: Trial): Promise<Verdict> {
  const { size } = trial
  await using scene = await Scene.open(trial, { workers: WORKERS, slots: size.tasks })
  type Effects = ReturnType<typeof readEffects>['effects']
  const noted = (what: 'start' | 'end'): Effects =>
    readEffects(scene.part.folder).effects.filter(({ phase }) => phase === what)
  const started = (): Effects => noted('start')
  // of all that both can take, one of them has half at least
  const calls = WORKERS * size.tasks
  await scene.caller.spread(() => ({ input: { busyMs: BUSY_MS, then: 'late writes' } }), { calls, overMs: 0 })
  while (started().length < calls) await sleep(LOOK_MS)
  const byPid = Map.groupBy(started(), ({ pid }) => pid)
  const [zombie] = scene.crew.members.toSorted(
    (one, other) => (byPid.get(other.pid)?.length ?? 0) - (byPid.get(one.pid)?.length ?? 0),
  )
  scene.freeze(zombie!)
  // where starting them all takes long, the first have ended by then
  const ended = new Set(noted('end').map(({ task }) => task))
  const stopped = new Set(byPid.get(zombie!.pid)!.flatMap(({ task }) => (ended.has(task) ? [] : [task])))
  const endAt = performance.now() + ELSEWHERE_MS
  const elsewhere = (): number =>
    new Set(started().flatMap(({ task, pid }) => (stopped.has(task) && pid !== zombie!.pid ? [task] : [])))
      .size
  while (elsewhere() < stopped.size && performance.now() < endAt) await sleep(LOOK_MS)
  const late = atMost('not started elsewhere in time', stopped.size - elsewhere(), 0)
  scene.thaw(zombie!)
  const restMs = await scene.rest(REST_MS)
  const remains = await scene.remains()
  // who was not relieved is no zombie
  if (late.length > 0)
    return { tasks: remains.tasks.length, figures: { zombies: 0 }, problems: standard(scene, remains), late }
  return judged(remains, stopped, standard(scene, remains), restMs)
}

function judged(
  remains: Remains,
  stopped: ReadonlySet<string>,
  found: readonly string[],
  ...[restMs]: readonly (number | null)[]
): Verdict {
  const { lateWrites, tasks } = remains
  const accepted = lateWrites.filter(({ answer }) => answer === 'accepted')
  const silent = [...stopped].filter(
    (id) => new Set(lateWrites.flatMap(({ task, what }) => (task === id ? [what] : []))).size < 3,
  )
  const overwritten = tasks.filter(({ id, epoch, result }) => {
    const last = remains.grants.findLast(({ fence }) => fence.task === id && fence.epoch === epoch)
    return stopped.has(id) && result !== JSON.stringify(`${epoch} ${last?.fence.nonce}`)
  })
  return {
    tasks: tasks.length,
    figures: {
      zombies: stopped.size,
      'late writes': lateWrites.length,
      fenced: lateWrites.length - accepted.length,
      'rest ms': Math.round(restMs ?? Infinity),
    },
    problems: [
      ...found,
      ...(stopped.size === 0
        ? ['zombie: none was stopped in the middle of a task, so nothing was shown']
        : []),
      ...accepted.map(({ task, what }) => `zombie: the ${what} of task ${task} was accepted`),
      ...silent.map((id) => `zombie: task ${id} did not try to write, so nothing was shown`),
      ...overwritten.map(({ id }) => `zombie: the result of task ${id} is not that of its last run`),
    ],
  }
}
