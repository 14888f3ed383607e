/** Which routes a demand can take from, and how statements get them. */
import { MERGE_SIZES, MERGED_MAX, readHeads, ROUTES_READY } from './statements/claiming.ts'
import type { Pass } from './home.ts'
import type { PackedDemand } from './wire.ts'

export interface Routes {
  readonly keys: readonly number[]
  readonly json: string
  /** What the worker offers, to tasks that prefer that, too. */
  readonly offers: ReadonlySet<string>
}

/** A queue, and the routes that are served there. */
export interface Served {
  readonly queue: number
  readonly name: string
  readonly routes: Routes
}

/** Types and offers of demands, by the name that the main thread gave them. */
export type Tastes = Map<number, Taste>

interface Taste {
  readonly types: ReadonlySet<string>
  readonly offers: ReadonlySet<string>
  /** What the names were when the routes were picked out. */
  version: number
  routes: Routes
}

/** Twice as many as the main thread takes to be known. */
const TASTES_MAX = 1_000

/** Types and offers stay the same from demand to demand, so their routes are picked out once. */
export function routesFor({ names, tastes }: Pass, demand: PackedDemand): Routes {
  const taste = tasteOf(tastes, demand)
  if (taste.version !== names.version) {
    const keys: number[] = []
    for (const { key, type, needs } of names.routes.values()) {
      if (taste.types.has(type) && needs.every((need) => taste.offers.has(need))) keys.push(key)
    }
    taste.routes = { keys, json: JSON.stringify(keys), offers: taste.offers }
    taste.version = names.version
  }
  return taste.routes
}

function tasteOf(tastes: Tastes, { taste: name, types, offers }: PackedDemand): Taste {
  if (types !== null) {
    // what was named last stays longest
    tastes.delete(name)
    const offered = new Set(offers)
    tastes.set(name, {
      types: new Set(types),
      offers: offered,
      version: -1,
      routes: { keys: [], json: '[]', offers: offered },
    })
    for (const oldest of tastes.keys()) {
      if (tastes.size <= TASTES_MAX) break
      tastes.delete(oldest)
    }
  }
  return tastes.get(name)!
}

const statements = new Map<(routes: number) => string, ReadonlyMap<number, string>>()

/** The statement of a kind for so many routes, and the routes, filled up with one that does not exist. */
export function routeList(
  routes: readonly number[],
  kind: (routes: number) => string,
): { readonly statement: string; readonly keys: readonly number[] } {
  let bySize = statements.get(kind)
  if (bySize === undefined) {
    bySize = new Map(MERGE_SIZES.map((size) => [size, kind(size)]))
    statements.set(kind, bySize)
  }
  const size = MERGE_SIZES.find((size) => size >= routes.length)!
  const keys =
    size === routes.length ? routes : [...routes, ...Array.from({ length: size - routes.length }, () => -1)]
  return { statement: bySize.get(size)!, keys }
}

/** So many of the routes as one statement merges. */
export interface Bunch {
  readonly routes: readonly number[]
  /** How many of the first tasks are of these routes. */
  readonly count: number
}

/** Splits the first tasks of a level, in the order of due time and arrival, between bunches of routes. */
export function heads(
  { database }: Pass,
  { queue, routes }: Served,
  { level, limit }: { readonly level: number; readonly limit: number },
): readonly Bunch[] {
  const ready = database.all<[number]>(ROUTES_READY, queue, level, routes.json).map(([route]) => route)
  const bunches: number[][] = []
  for (let from = 0; from < ready.length; from += MERGED_MAX)
    bunches.push(ready.slice(from, from + MERGED_MAX))
  const all = bunches.flatMap((bunch, index) => {
    const { statement, keys } = routeList(bunch, readHeads)
    const rows = database.all<[ord: number, seq: number]>(statement, queue, level, limit, ...keys)
    return rows.map(([ord, seq]) => ({ ord, seq, index }))
  })
  all.sort((one, other) => one.ord - other.ord || one.seq - other.seq)
  const counts = bunches.map(() => 0)
  for (const { index } of all.slice(0, limit)) counts[index]! += 1
  return bunches
    .map((bunch, index) => ({ routes: bunch, count: counts[index]! }))
    .filter(({ count }) => count > 0)
}
