/** What readers see of tasks. */
import { uuids } from './arrays.ts'
import { FINAL_FROM, looksInto, reasonOf, STATE, stateOf, readCounters } from '@millrace/core/store'
import { FLAG } from './codes.ts'
import {
  fitsDetails,
  HIGHEST_ID,
  LOOKED_AT_MAX,
  LOOKED_INTO,
  LOWEST_ID,
  notOurs,
  slotsOf,
  statesOf,
} from './filters.ts'
import { readHistory, sessionsIn, type Story } from './history.ts'
import { laneOfText } from './lanes.ts'
import { payloadOf } from './payloads.ts'
import {
  EDGE_BELOW,
  PAGE_BY_END,
  PAGE_BY_ID,
  READ_NOW,
  READ_OUTCOMES,
  READ_RECORDS,
  READ_RESULTS,
} from './statements/inspection.ts'
import type {
  CancelRequest,
  IfFailed,
  Level,
  ListAnswer,
  ListRequest,
  LogEntry,
  Payload,
  Progress,
  TaskError,
  TaskFilter,
  TaskId,
  TaskOutcome,
  TaskRecord,
  TaskSummary,
} from '@millrace/core/store'
import type { Home } from './pass.ts'

type SummaryRow = readonly [
  id: string,
  state: number,
  queue: number,
  route: number,
  level: number,
  terms: number,
  runAt: number,
  enqueuedAt: number,
  epoch: number,
  claimedAt: number | null,
  session: number | null,
  counters: string | null,
  uniqueKey: string | null,
  error: string | null,
  flags: number,
  labels: string | null,
  startBy: number | null,
  deadlineAt: number | null,
  cancel: string | null,
  history: string | null,
  progress: string | null,
  seq: number,
  dueBy: number | null,
  laneText: string | null,
  finishedAt: number | null,
  reason: number | null,
  blockers: number,
]

type RecordRow = readonly [...SummaryRow, ...Whole]

/** Where the columns of a summary end. */
const SUMMARY_COLUMNS = 27

type Labels = [
  tags: readonly string[],
  metadata: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
]

const NO_LABELS: Labels = [[], {}, {}]

function parsed<T>(json: string | null): T | null {
  return json === null ? null : (JSON.parse(json) as T)
}

export async function now({ database }: Home): Promise<number> {
  const [row] = await database.rows<[number]>(READ_NOW, [database.seen])
  database.saw(row![0])
  return row![0]
}

export async function get(home: Home, ids: readonly TaskId[]): Promise<readonly (TaskRecord | null)[]> {
  if (ids.length === 0) return []
  const rows = await home.database.rows<RecordRow>(READ_RECORDS, [uuids(ids)])
  await learn(home, rows, 'with histories')
  const records = new Map(rows.map((row) => [row[0], recordOf(home, row)]))
  return ids.map((id) => records.get(id) ?? null)
}

/** Makes known what the rows refer to. */
async function learn(
  { names }: Home,
  rows: readonly (readonly [...SummaryRow, ...unknown[]])[],
  histories?: 'with histories',
): Promise<void> {
  await names.queues.learn(rows.map((row) => row[2]))
  await names.routes.learn(rows.map((row) => row[3]))
  await names.terms.learn(rows.map((row) => row[5]))
  const sessions = rows.map((row) => row[10]).filter((key) => key !== null)
  if (histories !== undefined) for (const row of rows) sessions.push(...sessionsIn(row[19]))
  await names.sessions.learn(sessions)
}

/** What stands behind the columns of a summary. */
type Whole = readonly [
  parents: string | null,
  logs: string | null,
  payload: string | null,
  payloadRaw: Uint8Array | null,
  checkpoint: string | null,
  checkpointRaw: Uint8Array | null,
  result: string | null,
  resultRaw: Uint8Array | null,
]

function recordOf(home: Home, row: RecordRow): TaskRecord {
  const [parents, logs, payload, payloadRaw, checkpoint, checkpointRaw, result, resultRaw] = row.slice(
    SUMMARY_COLUMNS,
  ) as unknown as Whole
  const summary = row as unknown as SummaryRow
  const edges = parsed<[TaskId, IfFailed][]>(parents) ?? []
  return {
    ...summaryOf(home, summary),
    policy: home.names.terms.value(summary[5]).policy,
    payload: payloadOf(payload, payloadRaw),
    result: payloadOf(result, resultRaw),
    checkpoint: payloadOf(checkpoint, checkpointRaw),
    after: edges.map(([parent, ifFailed]) => ({ parent, ifFailed })),
    headers: (parsed<Labels>(summary[15]) ?? NO_LABELS)[2],
    logs: parsed<LogEntry[]>(logs) ?? [],
    history: readHistory(storyOf(summary), (key) => home.names.sessions.value(key) ?? null),
  }
}

function storyOf(row: SummaryRow): Story {
  const [
    ,
    state,
    ,
    ,
    ,
    ,
    ,
    enqueuedAt,
    epoch,
    claimedAt,
    session,
    ,
    ,
    ,
    flags,
    ,
    ,
    ,
    ,
    history,
    ,
    ,
    ,
    ,
    finishedAt,
  ] = row
  return {
    history,
    enqueuedAt,
    epoch,
    session,
    claimedAt: (flags & FLAG.told) === 0 ? claimedAt : null,
    succeededAt: state === STATE.succeeded ? finishedAt : null,
  }
}

function summaryOf({ names }: Home, row: SummaryRow): TaskSummary {
  const [
    id,
    state,
    queue,
    route,
    level,
    terms,
    runAt,
    enqueuedAt,
    epoch,
    claimedAt,
    session,
    counters,
    ...rest
  ] = row
  const [uniqueKey, error, flags, labels, startBy, deadlineAt, cancel, , progress, , ...more] = rest
  const [dueBy, laneText, finishedAt, ...last] = more
  const [reason, blockers] = last
  const { type, needs } = names.routes.value(route)
  const [tags, metadata] = parsed<Labels>(labels) ?? NO_LABELS
  const ended = readCounters(counters)
  // a claim that runs, or ended in success, is counted in no row
  if (state === STATE.running || state === STATE.succeeded) ended.claims += 1
  return {
    id,
    type,
    needs,
    level: level as Level,
    epoch,
    enqueuedAt,
    runAt,
    finishedAt,
    startBy,
    deadlineAt,
    blockers,
    uniqueKey,
    dueBy,
    lane: laneOfText(laneText),
    tags,
    metadata,
    queue: names.queues.value(queue),
    state: stateOf(state),
    held: (flags & FLAG.held) !== 0,
    reason: reasonOf(reason),
    counters: ended,
    error: parsed<TaskError>(error),
    startedAt: claimedAt,
    timeoutMs: names.terms.value(terms).timeoutMs,
    session: state === STATE.running && session !== null ? (names.sessions.value(session) ?? null) : null,
    cancel: parsed<CancelRequest>(cancel),
    progress: parsed<Progress>(progress),
  }
}

interface OutcomesRequest {
  readonly ids: readonly TaskId[]
  readonly bytesMax: number
}

type OutcomeRow = readonly [
  id: string,
  state: number,
  route: number | null,
  reason: number | null,
  size: number,
  error: string | null,
  cancel: string | null,
  rank: number,
]

export async function outcomes(
  home: Home,
  { ids, bytesMax }: OutcomesRequest,
): Promise<readonly (TaskOutcome | 'later' | null)[]> {
  if (ids.length === 0) return []
  const { database, names } = home
  const rows = await database.rows<OutcomeRow>(READ_OUTCOMES, [uuids(ids), database.seen])
  const found = new Map<string, OutcomeRow>()
  for (const row of rows) if (!found.has(row[0])) found.set(row[0], row)
  await names.routes.learn(rows.map((row) => row[2]).filter((key) => key !== null))
  let bytesLeft = bytesMax
  let full = false
  const given = ids.map((id, index) => {
    const size = found.get(id)?.[4] ?? 0
    full ||= index > 0 && size > bytesLeft
    bytesLeft -= size
    return full ? 'later' : (found.get(id) ?? null)
  })
  const results = await resultsOf(home, given)
  return given.map((row) => (row === null || row === 'later' ? row : outcomeOf(home, row, results)))
}

async function resultsOf(
  { database }: Home,
  rows: readonly (OutcomeRow | 'later' | null)[],
): Promise<ReadonlyMap<string, Payload | null>> {
  const ids = rows
    .filter((row) => row !== null && row !== 'later' && row[1] === STATE.succeeded)
    .map((row) => row![0]!)
  const results = new Map<string, Payload | null>()
  if (ids.length === 0) return results
  type ResultRow = readonly [id: string, text: string | null, raw: Uint8Array | null]
  for (const [id, text, raw] of await database.rows<ResultRow>(READ_RESULTS, [uuids(ids)])) {
    results.set(id, payloadOf(text, raw))
  }
  return results
}

function outcomeOf(
  { names }: Home,
  [id, state, route, reason, , error, cancel]: OutcomeRow,
  results: ReadonlyMap<string, Payload | null>,
): TaskOutcome {
  // it was removed since the first look: what a tombstone would say of it
  const isGone = state === STATE.succeeded && !results.has(id)
  return {
    state: stateOf(state),
    type: route === null || isGone ? null : names.routes.value(route).type,
    reason: reasonOf(reason),
    result: results.get(id) ?? null,
    error: parsed<TaskError>(error),
    cancel: parsed<CancelRequest>(cancel),
  }
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const END = /^(\d{1,15}):(\d{1,15})$/

export async function list(home: Home, request: ListRequest): Promise<ListAnswer> {
  const { filter, limit, cursor, endedSince = 0 } = request
  const { queue: name, type = null, tag } = filter
  if (name !== undefined) await home.names.queues.find([name])
  const queue = name === undefined ? null : (home.names.queues.known(name) ?? 0)
  const states = statesOf(filter.states)
  const byEnd = filter.states !== undefined && states.every((state) => state >= FINAL_FROM)
  const quoted = tag === undefined ? null : JSON.stringify(tag)
  const slots = slotsOf(states)
  const isFiltered = Object.values(filter).some((member) => member !== undefined)
  const edge = byEnd || !isFiltered ? null : await edgeBelow(home, idOf(cursor), slots)
  const looked = looksInto(filter) ? Math.max(limit, LOOKED_INTO) : limit
  const values = byEnd
    ? [...endOf(cursor), slots, queue, type, quoted, looked + 1, endedSince]
    : [idOf(cursor), [...states], queue, type, quoted, looked + 1, slots, edge ?? LOWEST_ID]
  const rows = await home.database.rows<SummaryRow>(byEnd ? PAGE_BY_END : PAGE_BY_ID, values)
  await learn(home, rows)
  const { page, last, more } = firstFitting(home, rows, { filter, limit, looked })
  const next = byEnd ? `${last?.[24]}:${last?.[21]}` : (last?.[0] ?? null)
  return { tasks: page.map((row) => summaryOf(home, row)), next: more ? next : edge }
}

interface Fitting {
  readonly page: readonly SummaryRow[]
  /** The last one that was looked at. */
  readonly last: SummaryRow | undefined
  /** Whether there are rows behind it. */
  readonly more: boolean
}

/** The first rows that fit, at most `limit` of them, among the first `looked`. */
function firstFitting(
  { names }: Home,
  rows: readonly SummaryRow[],
  { filter, limit, looked }: { readonly filter: TaskFilter; readonly limit: number; readonly looked: number },
): Fitting {
  const page: SummaryRow[] = []
  let at = 0
  for (; at < Math.min(rows.length, looked) && page.length < limit; at++) {
    const row = rows[at]!
    const details = { type: names.routes.value(row[3]).type, labels: row[15], error: row[13] }
    if (fitsDetails(details, filter)) page.push(row)
  }
  return { page, last: rows[at - 1], more: at < rows.length }
}

/** A page that looks at very many tasks ends there, however few it has found. */
async function edgeBelow({ database }: Home, from: string, slots: readonly number[]): Promise<string | null> {
  const values = [from, slots, LOOKED_AT_MAX]
  return (await database.rows<[string | null]>(EDGE_BELOW, values))[0]![0]
}

function endOf(cursor: string | null): readonly [number, number] {
  if (cursor === null) return [Number.MAX_SAFE_INTEGER, 0]
  const [, end, seq] = END.exec(cursor) ?? []
  if (end === undefined) throw notOurs(cursor)
  return [Number(end), Number(seq)]
}

function idOf(cursor: string | null): string {
  if (cursor === null) return HIGHEST_ID
  if (!ID.test(cursor)) throw notOurs(cursor)
  return cursor
}
