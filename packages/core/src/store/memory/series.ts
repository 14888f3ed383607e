/** Strict order: of the live tasks of a queue and a partition that ask for it only the first stands in line. */
import type { TaskSpec } from '../records.ts'
import { isLive } from './task.ts'
import type { Home } from './home.ts'
import type { Task } from './task.ts'

export function joinSeries(home: Home, task: Task): void {
  const name = seriesName(task.spec)
  if (name === null) return
  const series = home.series.get(name) ?? new Set<Task>()
  home.series.set(name, series.add(task))
}

/** @returns who comes first by that, if that was somebody else until now */
export function leaveSeries(home: Home, task: Task): Task | undefined {
  const name = seriesName(task.spec)
  const series = name === null ? undefined : home.series.get(name)
  if (name === null || series === undefined) return undefined
  const wasFirst = firstOf(series) === task
  series.delete(task)
  if (series.size === 0) home.series.delete(name)
  return wasFirst ? firstOf(series) : undefined
}

/** The first of the series that a live task is in. */
export function firstOfSeries(home: Home, { spec, state }: Task): Task | undefined {
  const name = isLive(state) ? seriesName(spec) : null
  return name === null ? undefined : firstOf(home.series.get(name) ?? new Set())
}

/** Whether nobody is before it. */
export function comesFirst(home: Home, task: Task): boolean {
  const name = seriesName(task.spec)
  return name === null || firstOf(home.series.get(name)!) === task
}

function firstOf(series: ReadonlySet<Task>): Task | undefined {
  const [first] = series
  return first
}

function seriesName({ queue, lane }: TaskSpec): string | null {
  return lane?.fifo === true ? JSON.stringify([queue, lane.partition]) : null
}
