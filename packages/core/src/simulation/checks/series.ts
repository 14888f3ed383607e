/** In a strict order nobody starts while somebody before them lives. */
import { isCutShort, livesOf, runsOf, type Book } from './book.ts'
import type { TaskId, TaskRecord } from '../../store/records.ts'
import type { Violation } from '../checker.ts'

interface Place {
  readonly task: TaskId
  readonly from: number
  readonly to: number
  readonly starts: readonly number[]
}

export function checkSeries({ history }: Book): readonly Violation[] {
  const series = new Map<string, Place[]>()
  for (const task of history.final.tasks) {
    if (task.lane?.fifo !== true || isCutShort(task)) continue
    const name = JSON.stringify([task.queue, task.lane.partition])
    series.set(name, [...(series.get(name) ?? []), ...placesOf(task)])
  }
  return [...series.values()].flatMap(judge)
}

/** One for each of its lives: what is started over comes last. */
function placesOf(task: TaskRecord): readonly Place[] {
  const starts = runsOf(task).map(({ from }) => from)
  return livesOf(task).map((life) => ({
    task: task.id,
    ...life,
    starts: starts.filter((at) => life.from <= at && at <= life.to),
  }))
}

function judge(places: readonly Place[]): readonly Violation[] {
  return places.flatMap((place) => {
    // of two that arrived in the same millisecond nobody can tell which was first
    const before = places.find(
      (other) => other.from < place.from && place.starts.some((at) => at > other.from && at < other.to),
    )
    if (before === undefined) return []
    const says = `Task ${place.task} was started while task ${before.task}, which comes before it in strict order, had not ended.`
    return [{ code: 'order-broken', task: place.task, says }]
  })
}
