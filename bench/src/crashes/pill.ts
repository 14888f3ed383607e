/** A thousand tasks, one of which kills whatever process runs it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fate } from './contender.ts'
import { entriesOf, nowMs, startsOf, type Entry } from './journal.ts'
import { until, type Scene } from './scene.ts'

const BOUND_MS = 180_000
const LOOK_MS = 500
const TASK_MS = 20
const TASKS = 1_000
const TASKS_QUICK = 50
/** Old enough to meet workers that are all busy, young enough that plenty comes after it. */
const PLACE = 0.3

export type Poison = 'kill' | 'abort'

export interface PillFigures {
  readonly poison: Poison
  readonly tasks: number
  /** How many worker processes died. */
  readonly workersDied: number
  /** How many processes that workers had started for it died of the pill. */
  readonly childrenDied: number
  readonly pill: Fate | 'live'
  readonly pillStarts: number
  readonly neighboursFailed: number
  readonly neighboursAgain: number
  /** Those that had not ended within the bound. */
  readonly neighboursLeft: number
  /** From the enqueue until everything had ended. `null`: not within the bound. */
  readonly totalMs: number | null
  readonly boundMs: number
}

export async function pill(scene: Scene, poison: Poison): Promise<PillFigures> {
  const { opened, crew, journal, quick } = scene
  const tasks = quick ? TASKS_QUICK : TASKS
  const boundMs = quick ? 3_000 : BOUND_MS
  const place = Math.floor(tasks * PLACE)
  const fromMs = nowMs()
  await opened.enqueue(
    Array.from({ length: tasks }, (_, n) => ({
      n,
      does: n === place ? poison : 'wait',
      ms: TASK_MS,
      journal,
    })),
  )
  let ended: ReadonlyMap<number, Fate> = new Map()
  const isOver = await until(scene, { boundMs, everyMs: LOOK_MS }, async () => {
    ended = await opened.ended()
    return ended.size === tasks
  })
  const totalMs = isOver ? nowMs() - fromMs : null
  // the last of those that died may not have been noticed yet
  await sleep(LOOK_MS)
  const entries = entriesOf(journal)
  const pillPids = pidsOf(place, entries)
  const starts = startsOf(entries)
  const neighbours = [...ended].filter(([n]) => n !== place)
  return {
    poison,
    tasks,
    workersDied: crew.deaths,
    childrenDied: pillPids.filter((pid) => !crew.has(pid)).length,
    pill: ended.get(place) ?? 'live',
    pillStarts: pillPids.length,
    neighboursFailed: neighbours.filter(([, fate]) => fate === 'failed').length,
    neighboursAgain: [...starts].filter(([n, times]) => n !== place && times > 1).length,
    neighboursLeft: tasks - 1 - neighbours.length,
    totalMs,
    boundMs,
  }
}

/** Of the process of each start, one after the other. */
function pidsOf(task: number, entries: readonly Entry[]): number[] {
  return entries.filter(({ step, n }) => step === 'start' && n === task).map(({ pid }) => pid)
}
