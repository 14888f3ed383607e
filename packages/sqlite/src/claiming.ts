/** Claims what a demand asks for: one pass through the levels for their slots, another to fill up from the top. */
import { nonceValue } from '@millrace/core/store'
import { endOverdue } from './overdue.ts'
import { moveAlong, nextLater } from './falling-due.ts'
import { heads, routesFor, routeList, type Served } from './serving.ts'
import {
  CLAIMED_BEFORE,
  EXPIRED_OF,
  LEAVE_READY_UP_TO,
  levelsReady,
  MERGED_MAX,
  READ_AGAIN,
  READ_EXTRAS,
  READ_LISTS,
  READ_SIZES,
  readClaims,
  RUN_ANY,
  RUN_FRESH,
} from './statements/claiming.ts'
import { RELEASE_KEYS } from './statements/keys.ts'
import { EXTRA } from './tasks.ts'
import type { Connection } from './database.ts'
import type { Pass } from './home.ts'
import type { ClaimBundle, ClaimExtra, PackedDemand, PackedExchange } from './wire.ts'

/** How many tasks one claim ends because their time is over. */
const ENDED_MAX = 1_000

const LEVELS = [0, 1, 2, 3, 4] as const

/** What SQL puts together about tasks that are to be claimed (`readClaims`). */
type BatchRow = readonly [
  count: number,
  size: number,
  extra: number,
  expiresAt: number | null,
  delayMin: number,
  delayMax: number,
  termsMin: number,
  termsMax: number,
  routeMin: number,
  routeMax: number,
  seqs: string,
  ids: Uint8Array,
  runAts: string,
  payloads: string,
]

interface Batch {
  readonly count: number
  readonly size: number
  readonly extra: number
  readonly expiresAt: number | null
  /** What is the same for all; `null`: something differs. */
  readonly same: { readonly delays: number; readonly terms: number; readonly routes: number } | null
  readonly seqs: string
  readonly ids: Uint8Array
  readonly runAts: string
  readonly payloads: string
}

function batchOf(row: BatchRow): Batch {
  const [count, size, extra, expiresAt, delayMin, delayMax, termsMin, termsMax, ...rest] = row
  const [routeMin, routeMax, seqs, ids, runAts, payloads] = rest
  const alike = delayMin === delayMax && termsMin === termsMax && routeMin === routeMax
  const same = alike ? { delays: delayMin, terms: termsMin, routes: routeMin } : null
  return { count, size, extra, expiresAt, same, seqs, ids, runAts, payloads }
}

interface Claiming {
  readonly pass: Pass
  readonly session: number
  readonly nonce: bigint
  readonly bundles: ClaimBundle[]
  tasksLeft: number
  bytesLeft: number
  endsLeft: number
  /** A payload, or too many ends, cut the claim short. */
  cut: boolean
}

/** A level of a queue that is being claimed from. */
interface Source {
  readonly served: Served
  readonly level: number
}

export interface Claimed {
  readonly claimedAt: number
  readonly bundles: readonly ClaimBundle[]
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
    bundles: [],
    tasksLeft: demand.tasksMax,
    bytesLeft: demand.bytesMax,
    endsLeft: ENDED_MAX,
    cut: false,
  }
  if (again === null) for (const { served, queue } of queues) claimFromQueue(claiming, served, queue)
  return {
    claimedAt: again?.claimedAt ?? pass.now,
    bundles: again?.bundles ?? claiming.bundles,
    nextInMs: nextInMs(
      pass,
      queues.map(({ served }) => served),
    ),
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
  const ready = readyLevels(claiming.pass, served)
  const levels = LEVELS.filter((level) => ready.has(level))
  const spent = new Set<number>()
  let left = queue.tasksMax
  // a single level gets all its slots at once
  const passes = levels.length > 1 ? [true, false] : [false]
  for (const bySlots of passes) {
    for (const level of levels) {
      if (spent.has(level)) continue
      const wanted = Math.min(bySlots ? queue.slots[level] : left, left, claiming.tasksLeft)
      const taken = take(claiming, { served, level }, wanted)
      if (taken < wanted) spent.add(level)
      left -= taken
    }
  }
}

/** The levels at which there is a task to take. */
function readyLevels({ database }: Pass, { queue, routes }: Served): ReadonlySet<number> {
  const levels = new Set<number>()
  for (let from = 0; from < routes.keys.length; from += MERGED_MAX) {
    const { statement, keys } = routeList(routes.keys.slice(from, from + MERGED_MAX), levelsReady)
    const row = database.get<readonly number[]>(statement, queue, null, null, ...keys)!
    for (const level of LEVELS) if (row[level] === 1) levels.add(level)
  }
  return levels
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
  const { count, size, expiresAt, seqs } = batch
  if (count === 0) return 0
  if (expiresAt !== null && expiresAt <= pass.now) {
    endExpired(claiming, seqs)
    return claiming.cut ? 0 : null
  }
  if (size > claiming.bytesLeft) {
    const fitting = countFitting(claiming, seqs)
    if (fitting < count) {
      claiming.cut = true
      return fitting === 0 ? 0 : run(claiming, source, read(pass, source, { ...portion, limit: fitting }))
    }
  }
  return run(claiming, source, batch)
}

function read({ database }: Pass, { served, level }: Source, { routes, limit }: Portion): Batch {
  const { statement, keys } = routeList(routes, readClaims)
  return batchOf(database.get<BatchRow>(statement, served.queue, level, limit, ...keys)!)
}

function endExpired(claiming: Claiming, seqs: string): void {
  const { pass } = claiming
  const expired = pass.database.all<[number]>(EXPIRED_OF, `[${seqs}]`, pass.now)
  for (const [seq] of expired) {
    if (claiming.endsLeft === 0) {
      claiming.cut = true
      return
    }
    claiming.endsLeft -= 1
    endOverdue(pass, seq)
  }
}

/** How many tasks stay below the limit of bytes: the first of a claim does, whatever its size. */
function countFitting({ pass, bytesLeft, bundles }: Claiming, seqs: string): number {
  let left = bytesLeft
  let fitting = 0
  for (const [size] of pass.database.all<[number]>(READ_SIZES, `[${seqs}]`)) {
    if (size > left && (fitting > 0 || bundles.length > 0)) break
    left -= size
    fitting += 1
  }
  return fitting
}

/** The tasks are taken: they run, and are not ready any more. */
function run(claiming: Claiming, { served, level }: Source, batch: Batch): number {
  const { pass, session, nonce } = claiming
  const { database, now } = pass
  const { count, size, extra } = batch
  const bundle = bundleOf(pass, batch, { queue: served.name, level })
  const { seqs, runAts, routes } = bundle
  database.run(extra === 0 ? RUN_FRESH : RUN_ANY, served.queue, session, nonce, now, `[${seqs}]`)
  if (extra >= EXTRA.key) database.run(RELEASE_KEYS, `[${seqs}]`)
  const taken = typeof routes === 'number' ? [routes] : new Set(routes.split(','))
  for (const route of taken) {
    // both lists are in the order of the claim, so the last of each belong together
    database.run(LEAVE_READY_UP_TO, served.queue, Number(route), level, lastOf(runAts), lastOf(seqs))
  }
  claiming.bundles.push(bundle)
  claiming.tasksLeft -= count
  claiming.bytesLeft -= size
  return count
}

function lastOf(list: string): number {
  return Number(list.slice(list.lastIndexOf(',') + 1))
}

/** What is the same for all of a batch is said once. */
function bundleOf({ database }: Pass, batch: Batch, from: { queue: string; level: number }): ClaimBundle {
  const { count, extra, seqs, ids, runAts, payloads } = batch
  const extras = extra === 0 ? [] : database.objects<ClaimExtra>(READ_EXTRAS, `[${seqs}]`)
  return { ...from, ...(batch.same ?? listsOf(database, seqs)), count, seqs, ids, runAts, payloads, extras }
}

function listsOf(database: Connection, seqs: string): Pick<ClaimBundle, 'delays' | 'terms' | 'routes'> {
  const [delays, terms, routes] = database.get<[string, string, string]>(READ_LISTS, `[${seqs}]`)!
  return { delays, terms, routes }
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
    const batch = database.get<BatchRow>(READ_AGAIN, JSON.stringify(group.map(([, , seq]) => seq)))!
    return bundleOf(pass, batchOf(batch), { queue: names.queueName(queue), level })
  })
  return { claimedAt: rows[0]![3], bundles }
}

/** What can be taken and is due was left because the claim was cut short; else it is the next to fall due that counts. */
function nextInMs(pass: Pass, queues: readonly Served[]): number | null {
  let next: number | null = null
  for (const served of queues) {
    if (readyLevels(pass, served).size > 0) return 0
    const later = nextLater(pass, served)
    if (later !== null && (next === null || later < next)) next = later
  }
  return next === null ? null : Math.max(next - pass.now, 0)
}
