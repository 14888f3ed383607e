/** Strict order: of the live tasks of a queue and a partition that ask for it only the first stands in line. */
import { int4s, int8s, uuids } from './arrays.ts'
import { spotOfText } from './lanes.ts'
import {
  JOIN_SERIES,
  LATE_COMERS,
  LATE_SERIES,
  LEAVE_SERIES,
  LOCK_SERIES,
  PROMOTE,
} from './statements/series.ts'
import type { Pass, Series } from './pass.ts'
import type { Task } from './tasks.ts'

/** Its first task is looked for when all is written. */
export function noteSeries(pass: Pass, { queue, laneText }: Pick<Task, 'queue' | 'laneText'>): void {
  const series = seriesOf(queue, laneText)
  pass.series.set(`${queue} ${series.partition}`, series)
}

export function seriesOf(queue: number, laneText: string | null): Series {
  return { queue, partition: spotOfText(laneText).partition }
}

/** Whoever adds to a series holds it from before the task arrives, so that they stand in the order of their numbers. */
export async function lockSeries({ connection, database }: Pass, all: readonly Series[]): Promise<void> {
  if (all.length > 0) await connection.run(LOCK_SERIES, [database.schema, ...listsOf(all)])
}

/** Puts the first of each series that has changed in line, if it waits for nothing else. */
export async function promote(pass: Pass): Promise<void> {
  const all = [...pass.series.values()].toSorted(inOrder)
  pass.series.clear()
  if (all.length === 0) return
  await lockSeries(pass, all)
  const [row] = await pass.connection.rows<[number]>(PROMOTE, [pass.now, ...listsOf(all)])
  if (row![0] > 0) pass.hint.ready = true
}

function listsOf(all: readonly Series[]): readonly Buffer[] {
  return [int4s(all.map(({ queue }) => queue)), int8s(all.map(({ partition }) => partition))]
}

export function inOrder(one: Series, other: Series): number {
  if (one.queue !== other.queue) return one.queue - other.queue
  if (one.partition === other.partition) return 0
  return one.partition < other.partition ? -1 : 1
}

type LateRow = readonly [queue: number, partition: string, task: string | null]

/**
 * Lets those into their series that came in transactions of users', and goes on with series whose first task ended in
 * one. What somebody has locked is left for the next time.
 *
 * @returns how many were taken up
 */
export async function takeUpLateSeries(pass: Pass, rowsMax: number): Promise<number> {
  const { connection } = pass
  const rows = await connection.rows<LateRow>(LATE_SERIES, [rowsMax])
  if (rows.length === 0) return 0
  const ofRow = ([queue, partition]: LateRow): Series => ({ queue, partition: BigInt(partition) })
  for (const row of rows) pass.series.set(`${row[0]} ${row[1]}`, ofRow(row))
  const tasks = rows.flatMap(([, , task]) => (task === null ? [] : [task]))
  const found =
    tasks.length === 0 ? [] : await connection.rows<[string, boolean]>(LATE_COMERS, [uuids(tasks)])
  const locked = new Set(found.filter(([, free]) => !free).map(([id]) => id))
  const later = rows.filter(([, , task]) => task !== null && locked.has(task))
  if (later.length > 0)
    await connection.run(LEAVE_SERIES, [
      ...listsOf(later.map(ofRow)),
      uuids(later.map(([, , task]) => task!)),
    ])
  const free = found.filter(([, isFree]) => isFree).map(([id]) => id)
  if (free.length > 0) {
    await lockSeries(pass, [...pass.series.values()].toSorted(inOrder))
    await connection.run(JOIN_SERIES, [uuids(free)])
  }
  await promote(pass)
  return rows.length - later.length
}
