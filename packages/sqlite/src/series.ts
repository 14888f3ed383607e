/** Strict order: of the live tasks of a queue and a partition that ask for it only the first stands in line. */
import {
  ANY_SERIES,
  FIRST_IN_SERIES,
  IN_SERIES,
  JOIN_SERIES,
  LEAVE_SERIES,
  SERIES_OF,
} from './statements/series.ts'
import type { Pass } from './home.ts'

interface Member {
  readonly seq: number
  readonly queue: number
  readonly lane: number
}

/** It comes last, if it asks for strict order. */
export function joinSeries({ database, lanes }: Pass, { seq, queue, lane }: Member): void {
  const { fifo, partition } = lanes.of(lane)
  if (fifo) database.run(JOIN_SERIES, seq, queue, partition)
}

/** Whether nobody is before it. */
export function comesFirst({ database, lanes }: Pass, { seq, queue, lane }: Member): boolean {
  const { fifo, partition } = lanes.of(lane)
  return !fifo || database.get<[number]>(FIRST_IN_SERIES, queue, partition)?.[0] === seq
}

/** @returns who comes first by that, if that was somebody else until now */
export function leaveSeries({ database }: Pass, seq: number): number | undefined {
  const series = database.get<[queue: number, partition: number]>(SERIES_OF, seq)
  if (series === undefined) return undefined
  const wasFirst = database.get<[number]>(FIRST_IN_SERIES, ...series)?.[0] === seq
  database.run(LEAVE_SERIES, seq)
  return wasFirst ? database.get<[number]>(FIRST_IN_SERIES, ...series)?.[0] : undefined
}

/** Those that are in a series. @param seqs as JSON */
export function inSeries({ database, lanes }: Pass, seqs: string): readonly number[] {
  if (!lanes.any || database.get<[number]>(ANY_SERIES)![0] === 0) return []
  return database.all<[number]>(IN_SERIES, seqs).map(([seq]) => seq)
}
