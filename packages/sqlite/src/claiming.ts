/** Claims what a demand asks for: one pass through the levels for their slots, another to fill up from the top. */
import { nonceValue } from '@millrace/core/store'
import { moveAlong, nextLater } from './falling-due.ts'
import { heads, routesFor, routeList, type Served } from './serving.ts'
import { CLAIMED_BEFORE, levelsReady, MERGED_MAX, readClaims } from './statements/claiming.ts'
import { levelsWithLanes } from './statements/lanes.ts'
import {
  batchOf,
  bundleOf,
  countFitting,
  endExpired,
  hasExpired,
  leaveHeads,
  readPicked,
  run,
  type Batch,
  type BatchRow,
  type Claiming,
} from './taking.ts'
import { restOf, takeByTurns } from './turn-taking.ts'
import { Turns } from './turns.ts'
import { Ledger } from './usages.ts'
import type { Pass } from './home.ts'
import type { Source } from './ring.ts'
import type { ClaimBundle, PackedDemand, PackedExchange } from './wire.ts'

/** How many tasks one claim ends because their time is over. */
const ENDED_MAX = 1_000

/** How many lanes one claim comes by. */
const HOPS_MAX = 200

const LEVELS = [0, 1, 2, 3, 4] as const
const ALL_LEVELS: ReadonlySet<number> = new Set(LEVELS)
const NO_LEVELS: ReadonlySet<number> = new Set()

export interface Claimed {
  readonly claimedAt: number
  readonly bundles: readonly ClaimBundle[]
  readonly turn: string | null
  readonly nextInMs: number | null
  readonly taste: number | null
}

/** @param session the key of a session that is alive */
export function claim(pass: Pass, request: PackedExchange, session: number): Claimed {
  const demand = request.demand!
  const queues = servedQueues(pass, demand)
  const again = request.again ? claimedBefore(pass, request, session) : null
  const claiming: Claiming = {
    pass,
    session,
    nonce: nonceValue(request.nonce),
    quantum: demand.quantum,
    turns: new Turns(demand.turn, request.nonce),
    ledger: new Ledger(pass),
    rests: new Map(),
    bundles: [],
    tasksLeft: demand.tasksMax,
    bytesLeft: demand.bytesMax,
    endsLeft: ENDED_MAX,
    hopsLeft: HOPS_MAX,
    hopsShared: false,
    cut: false,
  }
  if (again === null) for (const { served, queue } of queues) claimFromQueue(claiming, served, queue)
  claiming.ledger.flush()
  return {
    claimedAt: again?.claimedAt ?? pass.now,
    bundles: again?.bundles ?? claiming.bundles,
    turn: claiming.turns.text(),
    nextInMs: nextInMs(claiming, queues),
    taste: demand.taste,
  }
}

interface ServedQueue {
  readonly served: Served
  readonly queue: PackedDemand['queues'][number]
}

/** The queues that a demand can take anything from. */
function servedQueues(pass: Pass, demand: PackedDemand): readonly ServedQueue[] {
  const routes = routesFor(pass, demand)
  if (demand.tasksMax <= 0 || routes.keys.length === 0) return []
  const found: ServedQueue[] = []
  for (const queue of demand.queues) {
    const known = queue.tasksMax > 0 ? pass.names.findQueue(queue.queue) : undefined
    if (known !== undefined && !known.paused)
      found.push({ served: { queue: known.key, name: known.name, routes }, queue })
  }
  return found
}

function claimFromQueue(claiming: Claiming, served: Served, queue: PackedDemand['queues'][number]): void {
  if (claiming.tasksLeft === 0 || claiming.cut) return
  moveAlong(claiming.pass, served)
  const ready = levelsIn(claiming.pass, served, levelsReady)
  const laned = ready.size === 0 ? ready : lanedLevels(claiming.pass, served)
  const levels = LEVELS.filter((level) => ready.has(level))
  const spent = new Set<number>()
  claiming.hopsShared = levels.length > 1
  let left = queue.tasksMax
  // a single level gets all its slots at once
  const passes = levels.length > 1 ? [true, false] : [false]
  for (const bySlots of passes) {
    for (const level of levels) {
      if (spent.has(level)) continue
      const wanted = Math.min(bySlots ? queue.slots[level] : left, left, claiming.tasksLeft)
      const taken = (laned.has(level) ? takeByTurns : take)(claiming, { served, level }, wanted)
      if (taken < wanted) spent.add(level)
      left -= taken
    }
  }
}

/** The levels at which a statement finds something. */
function levelsIn(
  { database }: Pass,
  { queue, routes }: Served,
  kind: (routes: number) => string,
): ReadonlySet<number> {
  const levels = new Set<number>()
  for (let from = 0; from < routes.keys.length; from += MERGED_MAX) {
    const { statement, keys } = routeList(routes.keys.slice(from, from + MERGED_MAX), kind)
    const row = database.get<readonly number[]>(statement, queue, null, null, ...keys)!
    for (const level of LEVELS) if (row[level] === 1) levels.add(level)
  }
  return levels
}

/** The levels that go by lanes: because some tasks are in one, or because a limit may hold back those that are in none. */
function lanedLevels(pass: Pass, served: Served): ReadonlySet<number> {
  const { lanes, limits, names } = pass
  const types = (): string[] => served.routes.keys.map((route) => names.routeOf(route).type)
  if (limits.any && limits.holdBack(served.name, types)) return ALL_LEVELS
  return lanes.any ? levelsIn(pass, served, levelsWithLanes) : NO_LEVELS
}

/** @returns how many were taken */
function take(claiming: Claiming, source: Source, wanted: number): number {
  let taken = 0
  while (taken < wanted && !claiming.cut) {
    const { routes } = source.served
    const got =
      routes.keys.length <= MERGED_MAX
        ? takeFrom(claiming, source, { routes: routes.keys, limit: wanted - taken })
        : takeFromMany(claiming, source, wanted - taken)
    if (got === null) continue
    if (got === 0) break
    taken += got
  }
  return taken
}

/** More routes than one statement merges: their heads say how many to take from each bunch of them. */
function takeFromMany(claiming: Claiming, source: Source, wanted: number): number | null {
  const bunches = heads(claiming.pass, source.served, { level: source.level, limit: wanted })
  let taken = 0
  for (const { routes, count } of bunches) {
    const got = takeFrom(claiming, source, { routes, limit: count })
    if (got === null) return taken === 0 ? null : taken
    taken += got
    if (claiming.cut) break
  }
  return taken
}

interface Portion {
  readonly routes: readonly number[]
  readonly limit: number
}

/** @returns how many were taken; `null`: none, because tasks whose time is over had to be ended first */
function takeFrom(claiming: Claiming, source: Source, portion: Portion): number | null {
  const { pass } = claiming
  const batch = read(pass, source, portion)
  if (batch.count === 0) return 0
  if (hasExpired(pass, batch)) {
    endExpired(claiming, batch.seqs)
    return claiming.cut ? 0 : null
  }
  const fitting = countFitting(claiming, batch)
  if (fitting < batch.count) claiming.cut = true
  if (fitting === 0) return 0
  const taken = fitting === batch.count ? batch : read(pass, source, { ...portion, limit: fitting })
  leaveHeads(pass, source, run(claiming, source, { batch: taken, order: 'in line', counted: null }))
  return fitting
}

function read({ database }: Pass, { served, level }: Source, { routes, limit }: Portion): Batch {
  const { statement, keys } = routeList(routes, readClaims)
  return batchOf(database.get<BatchRow>(statement, served.queue, level, limit, ...keys)!)
}

/** What the same request claimed when it came before, as far as it still runs; `null`: nothing. */
function claimedBefore(
  pass: Pass,
  { nonce }: PackedExchange,
  session: number,
): { readonly claimedAt: number; readonly bundles: readonly ClaimBundle[] } | null {
  const { database, names } = pass
  type Row = readonly [queue: number, level: number, seq: number, claimedAt: number]
  const rows = database.all<Row>(CLAIMED_BEFORE, session, nonceValue(nonce))
  if (rows.length === 0) return null
  const groups = Map.groupBy(rows, ([queue, level]) => `${queue} ${level}`)
  const bundles = [...groups.values()].map((group) => {
    const [queue, level] = group[0]!
    const batch = readPicked(
      pass,
      group.map(([, , seq]) => seq),
    )
    return bundleOf(pass, batch, { queue: names.queueName(queue), level, order: 'in line' })
  })
  return { claimedAt: rows[0]![3], bundles }
}

/**
 * What can be taken, is due and may start was left because the claim was cut short; else it is the next to fall due,
 * or the next limit to let go, that counts.
 */
function nextInMs(claiming: Claiming, queues: readonly ServedQueue[]): number | null {
  const { pass } = claiming
  let next = Infinity
  for (const { served } of queues) {
    next = Math.min(next, nextReady(claiming, served))
    if (next > pass.now) next = Math.min(next, nextLater(pass, served) ?? Infinity)
    if (next <= pass.now) return 0
  }
  return next === Infinity ? null : Math.ceil(next) - pass.now
}

/** When the first of what is due may start. */
function nextReady(claiming: Claiming, served: Served): number {
  const { pass } = claiming
  const ready = levelsIn(pass, served, levelsReady)
  if (ready.size === 0) return Infinity
  const laned = lanedLevels(pass, served)
  let next = Infinity
  for (const level of ready) {
    const rest = laned.has(level) ? restOf(claiming, { served, level }) : 'more'
    if (rest === 'more') return pass.now
    next = Math.min(next, rest.againAt ?? Infinity)
  }
  return next
}
