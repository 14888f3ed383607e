/** A process with ten running tasks is killed with -9: how long until each of them was started again. */
import { CONCURRENCY } from './contender.ts'
import { entriesOf, type Entry } from './journal.ts'
import { until, type Scene } from './scene.ts'

const TASKS = 60
const TASK_MS = 1_000
const BOUND_MS = 120_000
const LOOK_MS = 50

export interface KilledFigures {
  /** How many tasks the process ran when it was killed. */
  readonly running: number
  /** From the kill to the next start of each of those that were started again within the bound. */
  readonly againMs: readonly number[]
  readonly boundMs: number
}

export async function killed(scene: Scene): Promise<KilledFigures> {
  const { opened, crew, journal, quick } = scene
  const boundMs = quick ? 5_000 : BOUND_MS
  await opened.enqueue(Array.from({ length: TASKS }, (_, n) => ({ n, does: 'wait', ms: TASK_MS, journal })))
  let victim: number | undefined
  const patience = { boundMs: TASKS * TASK_MS, everyMs: LOOK_MS }
  await until(scene, patience, () => {
    victim = fullest(entriesOf(journal))
    return victim !== undefined
  })
  if (victim === undefined) throw new Error(`No process ran ${CONCURRENCY} tasks at the same time.`)
  const killedAtMs = await crew.kill(victim)
  const running = runningIn(victim, entriesOf(journal))
  const again = (): number[] => startedAfter(killedAtMs, running, entriesOf(journal))
  await until(scene, { boundMs, everyMs: LOOK_MS }, () => again().length === running.size)
  return { running: running.size, againMs: again().map((atMs) => atMs - killedAtMs), boundMs }
}

/** A process that has its hands full. */
function fullest(entries: readonly Entry[]): number | undefined {
  const pids = new Set(entries.map(({ pid }) => pid))
  return [...pids].find((pid) => runningIn(pid, entries).size === CONCURRENCY)
}

function runningIn(wanted: number, entries: readonly Entry[]): ReadonlySet<number> {
  const running = new Set<number>()
  for (const { step, n, pid } of entries) {
    if (pid !== wanted) continue
    if (step === 'start') running.add(n)
    else running.delete(n)
  }
  return running
}

/** Of each of these tasks the first start after a time; none of those that have not been started since. */
function startedAfter(afterMs: number, tasks: ReadonlySet<number>, entries: readonly Entry[]): number[] {
  const starts = new Map<number, number>()
  for (const { step, n, atMs } of entries)
    if (step === 'start' && atMs > afterMs && tasks.has(n) && !starts.has(n)) starts.set(n, atMs)
  return [...starts.values()]
}
