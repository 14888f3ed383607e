/** What readers see. */
import * as scripts from './lua/scripts.ts'
import { fitsDescription, InvalidArgumentError, looksInto, StoreError } from '@millrace/core/store'
import { hasPartition } from './lanes.ts'
import { AT, STATES } from './layout.ts'
import { cancelOf, idOf } from './reading.ts'
import {
  errorOf,
  labelsOf,
  rawOf,
  reasonIn,
  recordOf,
  resultIn,
  stateIn,
  summaryOf,
  type Raw,
} from './records.ts'
import type {
  DueSoon,
  DueSoonRequest,
  ListAnswer,
  ListRequest,
  PublishedDefinition,
  QueueRecord,
  Retention,
  SessionRecord,
  TaskFilter,
  TaskId,
  TaskOutcome,
  TaskRecord,
  TaskSummary,
  WaitingRoute,
} from '@millrace/core/store'
import { orderIn } from './renewing.ts'
import type { Home } from './home.ts'
import type { Names } from './names.ts'
import type { Reply } from './line.ts'

export async function get(home: Home, ids: readonly TaskId[]): Promise<readonly (TaskRecord | null)[]> {
  const reply = await home.ask(scripts.get, (packer) => {
    packer.array(ids.length)
    for (const id of ids) packer.id(id)
  })
  const raws = (reply as readonly Reply[]).map((of, index) =>
    typeof of === 'number' ? null : rawOf(ids[index]!, of as readonly unknown[]),
  )
  await knowAll(home, raws)
  await knowLanes(home, raws)
  return raws.map((raw) => (raw === null ? null : recordOf(raw, home.names)))
}

/** Learns the names that others have made since. */
export async function knowAll(home: Home, raws: readonly (Pick<Raw, 'record'> | null)[]): Promise<void> {
  const { names } = home
  const unknown = (): boolean => raws.some((raw) => raw !== null && !knows(names, raw.record))
  if (!unknown()) return
  try {
    await names.load(home)
  } catch (error) {
    throw unread(error)
  }
  if (unknown()) throw unread(new Error('the names of some tasks are not there'))
}

/** How often partitions are asked for that were forgotten meanwhile, since too many others were met. */
const ASKED_MAX = 5

/** The same for claims, { id, record, … }, and their partitions: a trip for those that were never met before. */
export async function knowClaims(home: Home, claims: readonly Buffer[]): Promise<void> {
  const inPartitions: Buffer[] = []
  let isKnown = true
  for (let i = 1; i < claims.length; i += 2) {
    const record = claims[i]!
    isKnown &&= knows(home.names, record)
    if (hasPartition(record)) inPartitions.push(record)
  }
  if (!isKnown) {
    await knowAll(
      home,
      claims.map((record, index) => (index % 2 === 0 ? null : { record })),
    )
  }
  if (inPartitions.length > 0) await knowPartitions(home, inPartitions)
}

async function knowPartitions(home: Home, records: readonly Buffer[]): Promise<void> {
  const { lanes } = home.names
  for (let asked = 0; !lanes.knowsPartitions(records); asked++) {
    if (asked === ASKED_MAX) throw unread(new Error('the partitions of some tasks are not there'))
    try {
      await lanes.know(home, records)
    } catch (error) {
      throw unread(error)
    }
  }
}

async function knowLanes(home: Home, raws: readonly (Raw | null)[]): Promise<void> {
  await home.names.lanes.know(
    home,
    raws.flatMap((raw) => (raw === null ? [] : [raw.record])),
  )
}

/** The answer is lost, not the question: what was asked for may have been done. */
function unread(cause: unknown): StoreError {
  return new StoreError('store-unavailable', 'What Redis answered cannot be read without its names.', {
    hint: 'Ask again.',
    effect: 'unknown',
    cause,
  })
}

function knows({ queueOf, routeOf, termsOf }: Names, record: Buffer): boolean {
  const terms = record.readUIntBE(AT.terms, 3)
  return (
    queueOf.has(record.readUIntBE(AT.queue, 3)) &&
    routeOf.has(record.readUIntBE(AT.route, 3)) &&
    (terms === 0 || termsOf.has(terms))
  )
}

export async function outcomes(
  home: Home,
  { ids, bytesMax }: { readonly ids: readonly TaskId[]; readonly bytesMax: number },
): Promise<readonly (TaskOutcome | 'later' | null)[]> {
  const reply = await home.ask(scripts.outcomes, (packer) => {
    packer.array(2).int(bytesMax).array(ids.length)
    for (const id of ids) packer.id(id)
  })
  const answers = reply as readonly Reply[]
  await knowAll(
    home,
    answers.map((of) => (Array.isArray(of) ? { record: of[0] as Buffer } : null)),
  )
  return answers.map((of) => {
    if (of === 0) return null
    if (of === 1) return 'later'
    return Array.isArray(of) ? outcomeOf(of as readonly Buffer[], home.names) : buried(of as Buffer)
  })
}

function buried(state: Buffer): TaskOutcome {
  const nothing = { type: null, reason: null, result: null, error: null, cancel: null }
  return { state: STATES[state.toString('latin1')]!, ...nothing }
}

function outcomeOf([record, run, error, cancel]: readonly Buffer[], names: Names): TaskOutcome {
  const state = stateIn(record!, run!)
  return {
    state,
    type: names.routeOf.get(record!.readUIntBE(AT.route, 3))!.type,
    reason: reasonIn(record!),
    result: state === 'succeeded' ? resultIn(record!) : null,
    error: errorOf(error),
    cancel: cancelOf(cancel),
  }
}

/** Tasks of a log, and where it goes on; -1 at the end. */
export interface Page {
  readonly now: number
  readonly next: number
  readonly raws: readonly Raw[]
}

export interface LogPlace {
  readonly log: 'A' | 'E'
  readonly at: number
  readonly count: number
  readonly way: 'down' | 'up'
}

export async function readPage(home: Home, { log, at, count, way }: LogPlace): Promise<Page> {
  const reply = await home.ask(scripts.page, (packer) => {
    packer.array(4).text(log).int(at).int(count).text(way)
  })
  const [now, next, flat] = reply as [number, number, readonly Reply[]]
  const raws: Raw[] = []
  for (let i = 0; i < flat.length; i += 4) {
    raws.push(rawOf(idOf(flat[i] as Buffer, 0), flat.slice(i + 1, i + 4)))
  }
  await knowAll(home, raws)
  return { now, next, raws }
}

const FINAL: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled'])
/** How many tasks one answer looks at, so that it ends soon even where hardly any task matches. */
const LOOKED_MAX = 10_000
const LOOK = 500

export async function list(home: Home, request: ListRequest): Promise<ListAnswer> {
  const { filter, limit, cursor, endedSince = 0 } = request
  if (filter.states?.length === 0) return { tasks: [], next: null }
  const log = (filter.states?.every((state) => FINAL.has(state)) ?? false) ? 'E' : 'A'
  let [at] = cursor === null ? [-1] : cursorNumbers(cursor, 1)
  const tasks: TaskSummary[] = []
  for (let looked = 0; looked < LOOKED_MAX; looked += LOOK) {
    const page = await readPage(home, { log, at: at!, count: LOOK, way: 'down' })
    await knowLanes(home, page.raws)
    for (const raw of page.raws) {
      // all that follow ended sooner
      if (log === 'E' && raw.record.readUIntBE(AT.since, 6) < endedSince) return { tasks, next: null }
      if (!fitsFilter(raw, filter, home.names)) continue
      tasks.push(summaryOf(raw, home.names))
      if (tasks.length === limit) return { tasks, next: before(raw.record, log) }
    }
    at = page.next
    if (at < 0) return { tasks, next: null }
  }
  return { tasks, next: String(at) }
}

function before(record: Buffer, log: 'A' | 'E'): string | null {
  const number = record.readUIntBE(log === 'A' ? AT.seq : AT.end, 6)
  return number === 0 ? null : String(number - 1)
}

export function fitsFilter({ record, run, extras }: Raw, filter: TaskFilter, names: Names): boolean {
  const { states, queue, type, tag } = filter
  const routeType = names.routeOf.get(record.readUIntBE(AT.route, 3))!.type
  if (states !== undefined && !states.includes(stateIn(record, run))) return false
  if (queue !== undefined && names.queueOf.get(record.readUIntBE(AT.queue, 3)) !== queue) return false
  if (type !== undefined && routeType !== type) return false
  if (tag === undefined && !looksInto(filter)) return true
  const [tags, metadata] = labelsOf(extras)
  const error = errorOf(extras.get('e'))?.message ?? null
  return fitsDescription({ type: routeType, tags, metadata, error }, filter)
}

/**
 * The numbers that a cursor is made of.
 *
 * @throws InvalidArgumentError if this store never gave it
 */
export function cursorNumbers(cursor: string, count: number): readonly number[] {
  const parts = cursor.split(':')
  if (parts.length === count && parts.every((part) => /^\d{1,15}$/.test(part))) return parts.map(Number)
  throw new InvalidArgumentError(`The cursor ${JSON.stringify(cursor)} was not given by this store.`)
}

export async function queues(home: Home): Promise<readonly QueueRecord[]> {
  const reply = await home.ask(scripts.queues, (packer) => packer.array(0))
  const records = (reply as readonly (readonly [Buffer, readonly Buffer[], number, number])[]).flatMap(
    queueOf,
  )
  return records.toSorted((a, b) => (a.queue < b.queue ? -1 : 1))
}

function queueOf([name, flat, scheduled, oldest]: readonly [
  Buffer,
  readonly Buffer[],
  number,
  number,
]): QueueRecord[] {
  const fields = new Map<string, string>()
  for (let i = 0; i < flat.length; i += 2) fields.set(flat[i]!.toString('latin1'), flat[i + 1]!.toString())
  const count = (field: string): number => Number(fields.get(field) ?? 0)
  const counts = {
    blocked: count('b'),
    scheduled,
    ready: count('p') - scheduled,
    held: count('h'),
    running: count('r'),
    waiting: 0,
    succeeded: count('s'),
    failed: count('f'),
    cancelled: count('c'),
  }
  if (!fields.has('own') && Object.values(counts).every((value) => value === 0)) return []
  const retention = fields.get('retention')
  return [
    {
      queue: name.toString(),
      paused: fields.get('paused') === '1',
      retention: retention === undefined ? null : (JSON.parse(retention) as Retention),
      counts,
      oldestReadyAt: oldest < 0 ? null : oldest,
    },
  ]
}

export async function waitingRoutes(home: Home): Promise<readonly WaitingRoute[]> {
  const flat = (await home.ask(scripts.waiting, (packer) => packer.array(0))) as readonly Reply[]
  const { names } = home
  const found: (Place & { readonly dueSince: number })[] = []
  for (let i = 0; i < flat.length; i += 3) {
    const [queue, route, since] = flat.slice(i, i + 3) as [Buffer, Buffer, number]
    found.push({ queue: queue.readUIntBE(0, 3), route: route.readUIntBE(0, 3), dueSince: since })
  }
  await knowPlaces(home, found)
  return found.map(({ queue, route, dueSince }) => {
    return { queue: names.queueOf.get(queue)!, ...names.routeOf.get(route)!, dueSince }
  })
}

interface Place {
  readonly queue: number
  readonly route: number
}

async function knowPlaces(home: Home, places: readonly Place[]): Promise<void> {
  const { names } = home
  const isKnown = places.every(({ queue, route }) => names.queueOf.has(queue) && names.routeOf.has(route))
  if (!isKnown) await names.load(home)
}

export async function dueSoon(
  home: Home,
  { sinceMs, withinMs, limit }: DueSoonRequest,
): Promise<readonly DueSoon[]> {
  const reply = await home.ask(scripts.dueSoon, (packer) =>
    packer.array(3).int(sinceMs).int(withinMs).int(limit),
  )
  const flat = reply as readonly Reply[]
  const found: (Place & Pick<DueSoon, 'id' | 'dueBy'>)[] = []
  for (let i = 0; i < flat.length; i += 3) {
    const [id, place, dueBy] = flat.slice(i, i + 3) as [Buffer, Buffer, number]
    found.push({ id: idOf(id, 0), queue: place.readUIntBE(0, 3), route: place.readUIntBE(3, 3), dueBy })
  }
  await knowPlaces(home, found)
  const { queueOf, routeOf } = home.names
  return found.map(({ id, queue, route, dueBy }) => {
    return { id, queue: queueOf.get(queue)!, type: routeOf.get(route)!.type, dueBy }
  })
}

export async function sessions(home: Home): Promise<readonly SessionRecord[]> {
  const flat = (await home.ask(scripts.sessions, (packer) => packer.array(0))) as readonly Reply[]
  const records: SessionRecord[] = []
  for (let i = 0; i < flat.length; i += 8) {
    const [id, opened, ends, profile, running, since, end, concurrency] = flat.slice(i, i + 8)
    records.push({
      session: idOf(id as Buffer, 0),
      ...(JSON.parse(String(profile)) as Omit<
        SessionRecord,
        'session' | 'openedAt' | 'since' | 'expiresAt' | 'running' | 'order'
      >),
      openedAt: Number(String(opened)),
      expiresAt: Number(String(ends)),
      since: Number(String(since)),
      running: running as number,
      order: orderIn(end!, concurrency!),
    })
  }
  return records
}

export async function definitions(home: Home): Promise<readonly PublishedDefinition[]> {
  const reply = await home.ask(scripts.definitions, (packer) => packer.array(0))
  return (reply as readonly Buffer[]).map((text) => JSON.parse(text.toString()) as PublishedDefinition)
}
