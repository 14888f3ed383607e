/** Records as the port has them. */
import { AT, EVENTS, FLAG, IF_FAILED_OF, REASONS, RUN_AT, STATES } from './layout.ts'
import { cancelOf, extrasOf, idOf, numberIn, payloadOf, taggedPayload, type Extras } from './reading.ts'
import { readTerms, type Names, type Terms } from './names.ts'
import { logsOf } from './logs.ts'
import type {
  Counters,
  Edge,
  FailReason,
  HistoryEntry,
  Level,
  Payload,
  Progress,
  SessionId,
  TaskError,
  TaskId,
  TaskRecord,
  TaskState,
  TaskSummary,
} from '@millrace/core/store'

/** Longest detail of a history entry, and how many entries are shown. */
const HISTORY_DETAIL_MAX = 80
const HISTORY_ENTRIES_MAX = 100

/** What a script answers of a task. */
export interface Raw {
  readonly id: TaskId
  readonly record: Buffer
  /** Its claim, if it runs; else empty. */
  readonly run: Buffer
  readonly extras: Extras
  /** The payload that stands apart; else empty. */
  readonly apart: Buffer
}

export function rawOf(id: TaskId, [record, run, extras, apart]: readonly unknown[]): Raw {
  return {
    id,
    record: record as Buffer,
    run: run as Buffer,
    extras: extrasOf(extras as readonly Buffer[]),
    apart: (apart as Buffer | undefined) ?? EMPTY,
  }
}

const EMPTY = Buffer.alloc(0)

export type Labels = readonly [
  tags: readonly string[],
  metadata: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
]

const NO_LABELS: Labels = [Object.freeze([]), Object.freeze({}), Object.freeze({})]

export function labelsOf(extras: Extras): Labels {
  const labels = extras.get('l')
  return labels === undefined ? NO_LABELS : (JSON.parse(labels.toString()) as Labels)
}

export function termsIn(record: Buffer, extras: Extras, names: Names): Terms {
  const own = extras.get('t')
  if (own !== undefined) return readTerms(own.toString())
  return names.termsOf.get(record.readUIntBE(AT.terms, 3))!
}

export function stateIn(record: Buffer, run: Buffer): TaskState {
  return run.length > 0 ? 'running' : STATES[String.fromCharCode(record[AT.state]!)]!
}

export function reasonIn(record: Buffer): FailReason | null {
  return record.length >= AT.ownedBody && has(record, FLAG.owned) ? REASONS[record[AT.reason]!]! : null
}

function has(record: Buffer, flag: number): boolean {
  return (record.readUInt16BE(AT.flags) & flag) !== 0
}

/** @param open 1 while a claim runs, or if one ended without counting */
export function countersOf(packed: Buffer | undefined, open: number): Counters {
  const at = (index: number): number => packed?.readUInt32BE(4 * index) ?? 0
  const [failures, crashes, isolatedCrashes, returns, snoozes, parks] = [0, 1, 2, 3, 4, 5].map(at) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const claims = failures + crashes + returns + snoozes + parks + open
  return { claims, failures, crashes, isolatedCrashes, returns, snoozes, parks, generation: at(6) }
}

export function errorOf(text: Buffer | undefined): TaskError | null {
  return text === undefined || text.length === 0 ? null : (JSON.parse(text.toString()) as TaskError)
}

/** `at`, whether there is a reason, and the reason. */
export function parentsOf(extras: Extras): readonly Edge[] {
  const packed = extras.get('a') ?? EMPTY
  return Array.from({ length: packed.length / 17 }, (_, index) => ({
    parent: idOf(packed, 17 * index),
    ifFailed: IF_FAILED_OF[String.fromCharCode(packed[17 * index + 16]!)]!,
  }))
}

export function bodyFrom(record: Buffer): number {
  return has(record, FLAG.owned) ? AT.ownedBody : AT.body
}

/** The payload of a task that still has one. */
export function payloadIn({ record, apart }: Pick<Raw, 'record' | 'apart'>): Payload {
  const binary = has(record, FLAG.binary)
  return has(record, FLAG.apart) ? payloadOf(apart, 0, binary) : payloadOf(record, bodyFrom(record), binary)
}

/** The result of a task that succeeded. */
export function resultIn(record: Buffer): Payload | null {
  if (has(record, FLAG.empty)) return null
  return payloadOf(record, AT.ownedBody, has(record, FLAG.binary))
}

export function summaryOf({ id, record, run, extras }: Raw, names: Names): TaskSummary {
  const runs = run.length > 0
  const owned = has(record, FLAG.owned)
  const state = stateIn(record, run)
  const route = names.routeOf.get(record.readUIntBE(AT.route, 3))!
  const final = state === 'succeeded' || state === 'failed' || state === 'cancelled'
  const open = runs || has(record, FLAG.open) ? 1 : 0
  const [tags, metadata] = labelsOf(extras)
  const progress = extras.get('pr')
  return {
    id,
    ...route,
    queue: names.queueOf.get(record.readUIntBE(AT.queue, 3))!,
    level: record[AT.level] as Level,
    state,
    held: has(record, FLAG.held),
    reason: reasonIn(record),
    epoch: runs ? run.readUInt32BE(RUN_AT.epoch) : record.readUInt32BE(AT.epoch),
    counters: countersOf(extras.get('n'), open),
    error: errorOf(extras.get('e')),
    enqueuedAt: record.readUIntBE(AT.enqueuedAt, 6),
    runAt: record.readUIntBE(AT.runAt, 6),
    startedAt: startedAt(record, run),
    finishedAt: final && owned ? record.readUIntBE(AT.since, 6) : null,
    timeoutMs: termsIn(record, extras, names).timeoutMs,
    startBy: numberIn(extras, 'sb'),
    deadlineAt: numberIn(extras, 'dl'),
    session: runs ? idOf(run, RUN_AT.session) : null,
    cancel: cancelOf(extras.get('c')),
    blockers: numberIn(extras, 'b') ?? 0,
    uniqueKey: extras.get('u')?.toString() ?? null,
    lane: names.lanes.laneOf(record, extras),
    dueBy: numberIn(extras, 'db'),
    tags,
    metadata,
    progress: progress === undefined ? null : (JSON.parse(progress.toString()) as Progress),
  }
}

function startedAt(record: Buffer, run: Buffer): number | null {
  if (run.length > 0) return run.readUIntBE(RUN_AT.claimedAt, 6)
  const at = has(record, FLAG.owned) ? record.readUIntBE(AT.claimedAt, 6) : 0
  return at === 0 ? null : at
}

export function recordOf(raw: Raw, names: Names): TaskRecord {
  const { record, extras } = raw
  const summary = summaryOf(raw, names)
  const succeeded = summary.state === 'succeeded'
  const checkpoint = extras.get('ck')
  const [, , headers] = labelsOf(extras)
  return {
    ...summary,
    policy: termsIn(record, extras, names).policy,
    payload: succeeded ? null : payloadIn(raw),
    result: succeeded ? resultIn(record) : null,
    checkpoint: checkpoint === undefined ? null : taggedPayload(checkpoint),
    after: parentsOf(extras),
    headers,
    logs: logsOf(extras.get('lg')),
    history: historyOf(raw, summary),
  }
}

/** The entries that are written, and those that the record says by itself. */
function historyOf({ record, run, extras }: Raw, summary: TaskSummary): readonly HistoryEntry[] {
  const written = extras.get('h')
  const { enqueuedAt } = summary
  const entries = written === undefined ? [birth(enqueuedAt)] : readHistory(written)
  if (run.length > RUN_AT.plainLength ? run[RUN_AT.told] === 0 : run.length > 0) {
    entries.push(
      claimed(run.readUIntBE(RUN_AT.claimedAt, 6), run.readUInt32BE(RUN_AT.epoch), idOf(run, RUN_AT.session)),
    )
  }
  if (written === undefined && summary.state === 'succeeded') {
    const session = idOf(record, AT.session)
    const end = { at: summary.finishedAt!, epoch: summary.epoch, session, detail: null } as const
    entries.push(claimed(summary.startedAt!, summary.epoch, session), { ...end, event: 'succeeded' })
  }
  return entries.slice(-HISTORY_ENTRIES_MAX)
}

function birth(at: number): HistoryEntry {
  return { at, event: 'enqueued', epoch: 0, session: null, detail: null }
}

function claimed(at: number, epoch: number, session: SessionId): HistoryEntry {
  return { at, event: 'claimed', epoch, session, detail: null }
}

const NOBODY = '00000000-0000-0000-0000-000000000000'

function readHistory(packed: Buffer): HistoryEntry[] {
  const entries: HistoryEntry[] = []
  for (let at = 0; at < packed.length;) {
    const session = idOf(packed, at + 11)
    const length = packed.readUInt16BE(at + 27)
    const detail = packed.toString('utf8', at + 29, at + 29 + length)
    entries.push({
      at: packed.readUIntBE(at + 1, 6),
      event: EVENTS[String.fromCharCode(packed[at]!)]!,
      epoch: packed.readUInt32BE(at + 7),
      session: session === NOBODY ? null : session,
      detail: length === 0 ? null : shortened(detail),
    })
    at += 29 + length
  }
  return entries
}

/** Cut so that no character is torn apart. */
export function shortened(detail: string): string {
  if (detail.length <= HISTORY_DETAIL_MAX) return detail
  const cut = detail.slice(0, HISTORY_DETAIL_MAX)
  return cut.isWellFormed() ? cut : cut.slice(0, -1)
}
