/** Moves what fell due to where it can be claimed. */
import { laterAt, MERGED_MAX, MOVE_ALONG, MOVED_ALONG, NEXT_LATER } from './statements/claiming.ts'
import { routeList, type Served } from './serving.ts'
import type { Pass } from './home.ts'

/** How many tasks one exchange moves along from one queue. */
const MOVED_MAX = 1_000

/** The earliest due time among what waits to fall due, for those who serve these routes. */
export function nextLater({ database }: Pass, { queue, routes }: Served): number | null {
  return database.get<[number | null]>(NEXT_LATER, queue, routes.json)![0]
}

/** Moves along what fell due, first what fell due first. */
export function moveAlong(pass: Pass, served: Served): void {
  const { now, database } = pass
  const next = nextLater(pass, served)
  if (next === null || next > now) return
  const { keys } = served.routes
  const bunches = Math.ceil(keys.length / MERGED_MAX)
  for (let from = 0; from < keys.length; from += MERGED_MAX) {
    const routes = keys.slice(from, from + MERGED_MAX)
    const list = routeList(routes, laterAt)
    const offset = Math.max(Math.floor(MOVED_MAX / bunches) - 1, 0)
    const last = database.get<[runAt: number, seq: number]>(
      list.statement,
      served.queue,
      now,
      offset,
      ...list.keys,
    )
    const [runAt, seq] = last ?? [now, Number.MAX_SAFE_INTEGER]
    const json = JSON.stringify(routes)
    database.run(MOVE_ALONG, served.queue, json, runAt, seq)
    database.run(MOVED_ALONG, served.queue, json, runAt, seq)
  }
}
