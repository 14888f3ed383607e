/** Pages of lists: which tasks, and where the next page begins. */
import { looksInto, type TaskFilter } from '@millrace/core/store'
import { cursorNumbers, fitsDetails, type Match } from './filters.ts'
import { PAGE_BY_ARRIVAL, PAGE_BY_END, SEQ_BELOW } from './statements/inspection.ts'
import { ALL_QUEUES } from './statements/names.ts'
import type { Home } from './home.ts'

/** How far back one page looks, so that it ends soon even where hardly any task matches. */
const STRETCH = 50_000

/** How many tasks one page looks into: each is read and parsed, and everybody else waits meanwhile. */
const LOOKED_INTO = 2_000
const HEADS_MANY = 20

export interface Place {
  readonly limit: number
  readonly cursor: string | null
  /** Of those that have ended: when, at the earliest. */
  readonly since: number
}

export interface Page {
  readonly seqs: readonly number[]
  readonly next: string | null
}

/** By arrival, newest first. The cursor is the seq to stay below. */
export function pageByArrival(home: Home, match: Match, { limit, cursor }: Place): Page {
  const { database } = home
  const [before = Number.MAX_SAFE_INTEGER] = cursor === null ? [] : cursorNumbers(cursor, 1)
  const newest = database.get<[number | null]>(SEQ_BELOW, before)![0]
  if (newest === null || match.queue === undefined) return { seqs: [], next: null }
  const from = Math.max(newest - STRETCH, 0)
  const { filter } = match
  const looked = looksInto(filter) ? Math.max(limit, LOOKED_INTO) : limit
  const rows = database.all<DetailsRow>(
    PAGE_BY_ARRIVAL,
    before,
    from,
    JSON.stringify(match.states),
    match.queue,
    match.routes,
    filter.tag ?? null,
    looked + 1,
    looksInto(filter) ? 1 : 0,
  )
  const { found, last, more } = firstFitting(home, rows, { filter, limit, looked })
  const seqs = found.map(([seq]) => seq)
  if (more) return { seqs, next: String(last?.[0] ?? before) }
  return { seqs, next: database.get<[number | null]>(SEQ_BELOW, from)![0] === null ? null : String(from) }
}

/** Labels and error are not read where nobody looks into them. */
type DetailsRow = readonly [seq: number, route: number, labels: string | null, error: string | null]
type EndRow = readonly [...DetailsRow, finishedAt: number]

interface Fitting<Row> {
  readonly found: readonly Row[]
  /** The last one that was looked at. */
  readonly last: Row | undefined
  /** Whether there are rows behind it. */
  readonly more: boolean
}

/** The first rows that fit, at most `limit` of them, among the first `looked`. */
function firstFitting<Row extends DetailsRow | EndRow>(
  home: Home,
  rows: readonly Row[],
  { filter, limit, looked }: { readonly filter: TaskFilter; readonly limit: number; readonly looked: number },
): Fitting<Row> {
  const found: Row[] = []
  let at = 0
  for (; at < Math.min(rows.length, looked) && found.length < limit; at++) {
    const [, route, labels, error] = rows[at]!
    if (fitsDetails(home, { route, labels, error }, filter)) found.push(rows[at]!)
  }
  return { found, last: rows[at - 1], more: at < rows.length }
}

/** Final tasks by their end, newest first. The cursor is the end and the seq of the last task looked at. */
export function pageByEnd(home: Home, match: Match, { limit, cursor, since }: Place): Page {
  const before = cursor === null ? [Number.MAX_SAFE_INTEGER, 0] : cursorNumbers(cursor, 2)
  const queues = queuesOf(home, match)
  const heads = queues.length * match.states.length
  const { filter } = match
  // of each queue and state so many are read before they are merged: of many queues fewer
  const wide = Math.floor(LOOKED_INTO / Math.max(heads / HEADS_MANY, 1))
  const looked = looksInto(filter) ? Math.max(limit, wide) : limit
  const rows = newestEnds(home, match, { queues, before, since, limit: looked + 1 })
  const routes = match.routes === null ? null : new Set(JSON.parse(match.routes) as number[])
  const { found, last, more } = firstFitting(home, rows, { filter, limit, looked })
  const seqs = found.filter(([, route]) => routes?.has(route) ?? true).map(([seq]) => seq)
  return { seqs, next: more && last !== undefined ? `${last[4]}:${last[0]}` : null }
}

function queuesOf({ database }: Home, { queue }: Match): readonly number[] {
  if (queue === undefined) return []
  return queue === null ? database.all<[number]>(ALL_QUEUES).map(([key]) => key) : [queue]
}

interface Heads {
  readonly queues: readonly number[]
  readonly before: readonly number[]
  readonly since: number
  readonly limit: number
}

/** The heads of each queue's and state's own order, merged. */
function newestEnds(
  { database }: Home,
  match: Match,
  { queues, before, since, limit }: Heads,
): readonly EndRow[] {
  const rows: EndRow[] = []
  const wanted = looksInto(match.filter) ? 1 : 0
  for (const queue of queues) {
    for (const state of match.states) {
      rows.push(
        ...database.all<EndRow>(PAGE_BY_END, queue, state, before[0]!, before[1]!, limit, wanted, since),
      )
    }
  }
  return rows.sort((one, other) => other[4] - one[4] || other[0] - one[0]).slice(0, limit)
}
