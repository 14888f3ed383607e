/** What readers see. */
import {
  FINAL_FROM,
  NO_COUNTS,
  orderOf,
  reasonOf,
  shownKey,
  STATE,
  stateOf,
  readCounters,
} from '@millrace/core/store'
import { idBytes, idFromHex } from './codes.ts'
import { historyLine, lastClaimAt, readHistory } from './history.ts'
import { matchOf } from './filters.ts'
import { pageByArrival, pageByEnd } from './pages.ts'
import {
  COUNT_FOLLOWERS,
  DUE_SOON,
  READ_COUNTS,
  READ_DEFINITIONS,
  READ_OUTCOME,
  READ_QUEUES,
  READ_RECORD,
  READ_RESULT,
  READ_SESSIONS,
  READ_SUMMARY,
  SESSION_ID,
} from './statements/inspection.ts'
import { FIND_TOMBSTONE } from './statements/tasks.ts'
import type {
  CancelRequest,
  Counters,
  DueSoon,
  DueSoonRequest,
  Edge,
  IfFailed,
  Level,
  ListAnswer,
  ListRequest,
  LogEntry,
  Payload,
  PublishedDefinition,
  QueueCounts,
  QueueRecord,
  Retention,
  SessionRecord,
  SessionOrder,
  SessionRequest,
  TaskError,
  TaskId,
  TaskOutcome,
  TaskPolicy,
  TaskRecord,
  TaskSummary,
} from '@millrace/core/store'
import type { Home, Pass } from './home.ts'

interface SummaryRow {
  readonly seq: number
  readonly id: string
  readonly state: number
  readonly queue: number
  readonly route: number
  readonly level: Level
  readonly terms: number
  readonly runAt: number
  readonly enqueuedAt: number
  readonly epoch: number
  readonly finishedAt: number | null
  readonly counters: string | null
  readonly uniqueKey: string | null
  readonly keyTerms: string | null
  readonly reason: number | null
  readonly error: string | null
  readonly held: number
  readonly blockers: number
  readonly labels: string | null
  readonly startBy: number | null
  readonly deadlineAt: number | null
  readonly cancel: string | null
  readonly history: string
  readonly owner: number | null
  readonly claimedAt: number | null
  readonly told: number | null
  readonly fraction: number | null
  readonly message: string | null
  readonly lane: number
  readonly dueBy: number | null
}

interface RecordRow extends SummaryRow {
  readonly parents: string | null
  readonly logs: string | null
  readonly payload: Payload | null
  readonly result: Payload | null
  readonly checkpoint: Payload | null
}

type Labels = [
  tags: readonly string[],
  metadata: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
]

const NO_LABELS: Labels = [[], {}, {}]

function parsed<T>(json: string | null): T | null {
  return json === null ? null : (JSON.parse(json) as T)
}

export function get(home: Home, ids: readonly TaskId[]): readonly (TaskRecord | null)[] {
  return ids.map((id) => {
    const row = home.database.object<RecordRow>(READ_RECORD, idBytes(id))
    return row === undefined ? null : recordOf(home, row)
  })
}

function recordOf(home: Home, row: RecordRow): TaskRecord {
  const edges = parsed<[TaskId, IfFailed][]>(row.parents) ?? []
  const [policy] = termsOf(home, row.terms)
  return {
    ...summaryOf(home, row),
    policy,
    payload: row.payload,
    result: row.result,
    checkpoint: row.checkpoint,
    after: edges.map(([parent, ifFailed]): Edge => ({ parent, ifFailed })),
    headers: (parsed<Labels>(row.labels) ?? NO_LABELS)[2],
    logs: parsed<LogEntry[]>(row.logs) ?? [],
    history: readHistory(historyOf(row), row.enqueuedAt, (key) => sessionId(home, key)),
  }
}

/** The history, with the claim that is not written down yet. */
function historyOf({ history, owner, claimedAt, epoch, told }: SummaryRow): string {
  if (owner === null || told === 1) return history
  return history + historyLine({ event: 'claimed', at: claimedAt!, epoch, session: owner })
}

function sessionId({ database }: Home, key: number): string | null {
  return database.get<[string]>(SESSION_ID, key)?.[0] ?? null
}

function termsOf({ names }: Home, key: number): [policy: TaskPolicy, timeoutMs: number | null] {
  return JSON.parse(names.termsOf(key)) as [TaskPolicy, number | null]
}

/** A claim that runs, or ended in success, is counted in no row. */
function countersOf({ counters, state }: SummaryRow): Counters {
  const ended = readCounters(counters)
  const open = state === STATE.running || state === STATE.succeeded ? 1 : 0
  return { ...ended, claims: ended.claims + open }
}

function summaryOf(home: Home, row: SummaryRow): TaskSummary {
  const { type, needs } = home.names.routeOf(row.route)
  const [tags, metadata] = parsed<Labels>(row.labels) ?? NO_LABELS
  return {
    id: idFromHex(row.id),
    type,
    needs,
    queue: home.names.queueName(row.queue),
    level: row.level,
    state: stateOf(row.state),
    held: row.held === 1,
    reason: reasonOf(row.reason),
    epoch: row.epoch,
    counters: countersOf(row),
    error: parsed<TaskError>(row.error),
    enqueuedAt: row.enqueuedAt,
    runAt: row.runAt,
    startedAt: row.claimedAt ?? lastClaimAt(row.history),
    finishedAt: row.finishedAt,
    timeoutMs: termsOf(home, row.terms)[1],
    startBy: row.startBy,
    deadlineAt: row.deadlineAt,
    session: row.owner === null ? null : sessionId(home, row.owner),
    cancel: parsed<CancelRequest>(row.cancel),
    blockers: row.blockers,
    uniqueKey: shownKey(row.uniqueKey, row.keyTerms),
    lane: home.lanes.recordOf(row.lane),
    dueBy: row.dueBy,
    tags,
    metadata,
    progress: row.fraction === null ? null : { fraction: row.fraction, message: row.message },
  }
}

interface OutcomesRequest {
  readonly ids: readonly TaskId[]
  readonly bytesMax: number
}

type OutcomeRow = readonly [
  state: number,
  route: number,
  reason: number | null,
  size: number,
  error: string | null,
  cancel: string | null,
  seq: number,
]

export function outcomes(
  pass: Pass,
  { ids, bytesMax }: OutcomesRequest,
): readonly (TaskOutcome | 'later' | null)[] {
  let bytesLeft = bytesMax
  let full = false
  return ids.map((id, index) => {
    if (full) return 'later'
    const row = pass.database.get<OutcomeRow>(READ_OUTCOME, idBytes(id))
    const size = row?.[3] ?? 0
    full = index > 0 && size > bytesLeft
    if (full) return 'later'
    bytesLeft -= size
    return row === undefined ? buriedOutcome(pass, id) : outcomeOf(pass, row)
  })
}

function outcomeOf(
  { database, names }: Pass,
  [state, route, reason, , error, cancel, seq]: OutcomeRow,
): TaskOutcome {
  return {
    state: stateOf(state),
    type: names.routeOf(route).type,
    reason: reasonOf(reason),
    result: state === STATE.succeeded ? database.get<[Payload | null]>(READ_RESULT, seq)![0] : null,
    error: parsed<TaskError>(error),
    cancel: parsed<CancelRequest>(cancel),
  }
}

function buriedOutcome({ database, now }: Pass, id: TaskId): TaskOutcome | null {
  const row = database.get<[digest: string, state: number]>(FIND_TOMBSTONE, idBytes(id), now)
  if (row === undefined) return null
  return { state: stateOf(row[1]), type: null, reason: null, result: null, error: null, cancel: null }
}

export function list(home: Home, { filter, limit, cursor, endedSince = 0 }: ListRequest): ListAnswer {
  const match = matchOf(home, filter)
  const byEnd = filter.states !== undefined && match.states.every((state) => state >= FINAL_FROM)
  const place = { limit, cursor, since: endedSince }
  const { seqs, next } = byEnd ? pageByEnd(home, match, place) : pageByArrival(home, match, place)
  const tasks = seqs.map((seq) => summaryOf(home, home.database.object<SummaryRow>(READ_SUMMARY, seq)!))
  return { tasks, next }
}

export function dueSoon(
  { database, names, now }: Pass,
  { sinceMs, withinMs, limit }: DueSoonRequest,
): readonly DueSoon[] {
  type Row = readonly [id: string, queue: number, route: number, dueBy: number]
  const rows = database.all<Row>(DUE_SOON, now - sinceMs, now + withinMs, limit)
  return rows.map(([id, queue, route, dueBy]) => ({
    id: idFromHex(id),
    queue: names.queueName(queue),
    type: names.routeOf(route).type,
    dueBy,
  }))
}

type MutableCounts = { -readonly [K in keyof QueueCounts]: number }

interface Counted extends Omit<QueueRecord, 'counts' | 'oldestReadyAt'> {
  readonly counts: MutableCounts
  oldestReadyAt: number | null
}

export function queues({ database, now }: Pass): readonly QueueRecord[] {
  type QueueRow = readonly [key: number, name: string, paused: number, retention: string | null]
  type CountRow = readonly [queue: number, name: keyof QueueCounts, count: number, oldest: number | null]
  const records = new Map<number, Counted>()
  for (const [key, queue, paused, retention] of database.all<QueueRow>(READ_QUEUES)) {
    const counts = { ...NO_COUNTS }
    records.set(key, {
      queue,
      paused: paused === 1,
      retention: parsed<Retention>(retention),
      counts,
      oldestReadyAt: null,
    })
  }
  const counted = [READ_COUNTS, COUNT_FOLLOWERS].flatMap((counts) => database.all<CountRow>(counts, now))
  for (const [queue, name, count, oldest] of counted) {
    const record = records.get(queue)!
    record.counts[name] += count
    if (oldest !== null) record.oldestReadyAt = Math.min(record.oldestReadyAt ?? oldest, oldest)
  }
  return [...records.values()]
}

interface SessionRow {
  readonly id: string
  readonly openedAt: number
  readonly since: number
  readonly expiresAt: number
  readonly profile: string
  readonly orderedEnd: SessionOrder['end']
  readonly orderedConcurrency: number | null
  readonly running: number
}

type Profile = Omit<SessionRequest, 'session' | 'ttlMs' | 'definitions'>

/** Sessions whose lease holds. */
export function sessions({ database, now }: Pass): readonly SessionRecord[] {
  return database
    .objects<SessionRow>(READ_SESSIONS, now)
    .map(({ id, profile, orderedEnd, orderedConcurrency, ...row }) => {
      const order = orderOf(orderedEnd, orderedConcurrency)
      return { ...(JSON.parse(profile) as Profile), session: id, ...row, order }
    })
}

export function definitions({ database }: Home): readonly PublishedDefinition[] {
  return database.all<[string]>(READ_DEFINITIONS).map(([json]) => JSON.parse(json) as PublishedDefinition)
}
