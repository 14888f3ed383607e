/** A history with what the checks look up in it. */
import type { HistoryEntry, TaskId, TaskRecord } from '../../store/records.ts'
import { HISTORY_ENTRIES_MAX } from '../../store/records.ts'
import type { Bounds } from '../checker.ts'
import type { Asked, Call, Effect, History } from '../history.ts'

export interface Book {
  readonly history: History
  readonly bounds: Bounds
  readonly tasks: ReadonlyMap<TaskId, TaskRecord>
  /** What was asked for, by whoever asked first. */
  readonly asked: ReadonlyMap<TaskId, Asked>
  /** In the order of their times. */
  readonly effects: ReadonlyMap<TaskId, readonly Effect[]>
  /** Whether what the store was told at that time may be forgotten. */
  readonly mayForget: (atMs: number) => boolean
}

export function bookOf(history: History, bounds: Bounds): Book {
  const spans = bounds.forgotten ?? []
  return {
    history,
    bounds,
    tasks: new Map(history.final.tasks.map((task) => [task.id, task])),
    asked: askedOf(history.calls),
    effects: effectsOf(history.effects),
    mayForget: (atMs) => spans.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs),
  }
}

function askedOf(calls: readonly Call[]): Map<TaskId, Asked> {
  const asked = new Map<TaskId, Asked>()
  for (const call of calls) for (const one of call.asked ?? []) if (!asked.has(one.id)) asked.set(one.id, one)
  return asked
}

function effectsOf(effects: readonly Effect[]): Map<TaskId, Effect[]> {
  const byTask = new Map<TaskId, Effect[]>()
  for (const effect of effects.toSorted((a, b) => a.atMs - b.atMs)) {
    const same = byTask.get(effect.task)
    if (same === undefined) byTask.set(effect.task, [effect])
    else same.push(effect)
  }
  return byTask
}

/** Whether the store may have forgotten how a task's life began: then its life is not judged. */
export function isCutShort({ history }: TaskRecord): boolean {
  return history.length >= HISTORY_ENTRIES_MAX
}

const ENDS_OF_RUNS: ReadonlySet<HistoryEntry['event']> = new Set([
  'succeeded',
  'failed',
  'cancelled',
  'retry',
  'crashed',
  'snoozed',
  'returned',
])

/** From when to when a task ran, in store time; of what runs still the end is `Infinity`. */
export function runsOf({ history }: TaskRecord): readonly { readonly from: number; readonly to: number }[] {
  const runs: { from: number; to: number }[] = []
  let from: number | null = null
  for (const { event, at } of history) {
    if (event === 'claimed') from = at
    else if (from !== null && ENDS_OF_RUNS.has(event)) {
      runs.push({ from, to: at })
      from = null
    }
  }
  if (from !== null) runs.push({ from, to: Infinity })
  return runs
}

/** From when to when a task lived, in store time: once more after each time that it was started over. */
export function livesOf({ history, finishedAt }: TaskRecord): readonly {
  readonly from: number
  readonly to: number
}[] {
  const births = history.filter(({ event }) => event === 'enqueued' || event === 'restarted')
  const ends = history.filter(
    ({ event }) => event === 'succeeded' || event === 'failed' || event === 'cancelled',
  )
  return births.map(({ at }, index) => ({
    from: at,
    to: ends[index]?.at ?? (index === births.length - 1 && finishedAt !== null ? finishedAt : Infinity),
  }))
}
