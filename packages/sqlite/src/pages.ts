/** Pages of lists: which tasks, and where the next page begins. */
import { cursorNumbers, hasTag, type Match } from './filters.ts'
import { PAGE_BY_ARRIVAL, PAGE_BY_END, SEQ_BELOW } from './statements/inspection.ts'
import { ALL_QUEUES } from './statements/names.ts'
import type { Home } from './home.ts'

/** How far back one page looks, so that it ends soon even where hardly any task matches. */
const STRETCH = 50_000

export interface Place {
  readonly limit: number
  readonly cursor: string | null
}

export interface Page {
  readonly seqs: readonly number[]
  readonly next: string | null
}

/** By arrival, newest first. The cursor is the seq to stay below. */
export function pageByArrival({ database }: Home, match: Match, { limit, cursor }: Place): Page {
  const [before = Number.MAX_SAFE_INTEGER] = cursor === null ? [] : cursorNumbers(cursor, 1)
  const newest = database.get<[number | null]>(SEQ_BELOW, before)![0]
  if (newest === null || match.queue === undefined) return { seqs: [], next: null }
  const from = Math.max(newest - STRETCH, 0)
  const states = JSON.stringify(match.states)
  const rows = database.all<[number]>(
    PAGE_BY_ARRIVAL,
    before,
    from,
    states,
    match.queue,
    match.routes,
    match.tag ?? null,
    limit + 1,
  )
  const seqs = rows.slice(0, limit).map(([seq]) => seq)
  if (rows.length > limit) return { seqs, next: String(seqs.at(-1) ?? before) }
  return { seqs, next: database.get<[number | null]>(SEQ_BELOW, from)![0] === null ? null : String(from) }
}

type EndRow = readonly [finishedAt: number, seq: number, route: number, labels: string | null]

/** Final tasks by their end, newest first. The cursor is the end and the seq of the last task looked at. */
export function pageByEnd(home: Home, match: Match, { limit, cursor }: Place): Page {
  const before = cursor === null ? [Number.MAX_SAFE_INTEGER, 0] : cursorNumbers(cursor, 2)
  const rows = newestEnds(home, match, { before, limit: limit + 1 })
  const routes = match.routes === null ? null : new Set(JSON.parse(match.routes) as number[])
  const seen = rows.slice(0, limit)
  const seqs = seen
    .filter(([, , route, labels]) => (routes?.has(route) ?? true) && hasTag(labels, match.tag))
    .map(([, seq]) => seq)
  const last = seen.at(-1)
  const more = rows.length > seen.length && last !== undefined
  return { seqs, next: more ? `${last[0]}:${last[1]}` : null }
}

/** The heads of each queue's and state's own order, merged. */
function newestEnds(
  { database }: Home,
  match: Match,
  { before, limit }: { readonly before: readonly number[]; readonly limit: number },
): readonly EndRow[] {
  const queues = match.queue === null ? database.all<[number]>(ALL_QUEUES).map(([key]) => key) : [match.queue]
  const rows: EndRow[] = []
  for (const queue of queues) {
    if (queue === undefined) continue
    for (const state of match.states) {
      rows.push(...database.all<EndRow>(PAGE_BY_END, queue, state, before[0]!, before[1]!, limit))
    }
  }
  return rows.sort((one, other) => other[0] - one[0] || other[1] - one[1]).slice(0, limit)
}
