/**
 * Tasks on their slow way: locked and loaded, changed, and saved together. Whatever is not the bulk of `add`,
 * claim and success goes through here, so that what belongs to a state comes and goes in one place.
 */
import { uuids } from './arrays.ts'
import {
  FINAL_FROM,
  nonceValue,
  reasonCode,
  STATE,
  readCounters,
  writeCounters,
  type MutableCounters,
  type Counters,
  type FailReason,
  type HistoryEvent,
  type Payload,
  type TaskError,
} from '@millrace/core/store'
import { FLAG, nonceOf } from './codes.ts'
import { withLine } from './history.ts'
import { columnsOf, sizeOf, type Columns } from './payloads.ts'
import { LOCK_FINAL, LOCK_FREE, LOCK_LIVE } from './statements/tasks.ts'
import type { Pass } from './pass.ts'

/** A task's row (see the schema). */
export interface Task {
  readonly id: string
  readonly seq: number
  readonly queue: number
  readonly route: number
  readonly terms: number
  readonly enqueuedAt: number
  readonly digest: string
  readonly parents: string | null
  /** The one that it holds; of a final one, or one that holds it no more while it lives, at most what it held. */
  readonly uniqueKey: string | null
  readonly dueBy: number | null
  readonly laneText: string | null
  readonly keyTerms: string | null
  level: number
  state: number
  flags: number
  runAt: number
  claimedAt: number | null
  epoch: number
  nonce: string | null
  session: number | null
  settled: number
  size: number
  counters: string | null
  history: string | null
  error: string | null
  startBy: number | null
  deadlineAt: number | null
  cancel: string | null
  restartedAt: number | null
  mark: string | null
  progress: string | null
  logs: string | null
  checkpointSize: number
  // of live ones
  expiresAt: number | null
  gate: number | null
  blockers: number
  triggers: number
  attemptAt: number | null
  missed: number
  cause: number | null
  takenFrom: number | null
  /** Which keys count it, as the tables have them. */
  counted: string | null
  // of final ones
  finishedAt: number | null
  reason: number | null
  bytes: number
}

/** A task as it is being changed. */
export interface Draft {
  readonly task: Task
  /** Where it stood when it was loaded; `null`: it is new. */
  readonly before: Readonly<Task> | null
  result: Columns | null
  resultSize: number
  /** Whether it is removed, and by which command. */
  removed: { readonly mark: string | null } | null
}

type Row = readonly unknown[]

function taskOf(row: Row, live: boolean): Task {
  const [id, seq, queue, route, terms, level, state, flags, runAt, enqueuedAt, claimedAt, ...rest] = row
  const [epoch, nonce, session, settled, size, digest, counters, history, error, parents, ...more] = rest
  const [startBy, deadlineAt, cancel, restartedAt, uniqueKey, keyTerms, mark, progress, ...others] = more
  const [logs, dueBy, laneText, checkpointSize, ...own] = others
  const [expiresAt, gate, blockers, triggers, attemptAt, missed, cause, takenFrom, counted] = live ? own : []
  const [finishedAt = null, reason = null, bytes = 0] = live ? [] : own
  return {
    id,
    seq,
    queue,
    route,
    terms,
    level,
    state,
    flags,
    runAt,
    enqueuedAt,
    claimedAt,
    epoch,
    session,
    settled,
    size,
    digest,
    counters,
    history,
    error,
    parents,
    startBy,
    deadlineAt,
    cancel,
    restartedAt,
    uniqueKey,
    dueBy,
    laneText,
    keyTerms,
    mark,
    progress,
    logs,
    checkpointSize,
    finishedAt,
    reason,
    bytes,
    nonce: nonce === null ? null : nonceOf(nonce as string),
    expiresAt: expiresAt ?? null,
    gate: gate ?? null,
    blockers: blockers ?? 0,
    triggers: triggers ?? 0,
    attemptAt: attemptAt ?? null,
    missed: missed ?? 0,
    cause: cause ?? null,
    takenFrom: takenFrom ?? null,
    counted: counted ?? null,
  } as Task
}

/**
 * Locks tasks and makes drafts of them, which `pass.drafts` then holds by id. One that moves between the tables
 * meanwhile is looked for once more.
 */
export async function load(pass: Pass, ids: Iterable<string>): Promise<void> {
  for (let looks = 0; looks < 2; looks++) {
    const live = missing(pass, ids)
    if (live.length === 0) return
    keep(pass, await pass.connection.rows<Row>(LOCK_LIVE, [uuids(live)]), true)
    const final = missing(pass, live)
    if (final.length === 0) return
    const rows = await pass.connection.rows<Row>(LOCK_FINAL, [uuids(final)])
    keep(pass, rows, false)
    if (rows.length === final.length) return
  }
}

/** The same for those that live: the others are not looked for. */
export async function loadLive(pass: Pass, ids: Iterable<string>): Promise<void> {
  const live = missing(pass, ids)
  if (live.length > 0) keep(pass, await pass.connection.rows<Row>(LOCK_LIVE, [uuids(live)]), true)
}

/** The same for running tasks that nobody else has at this moment. */
export async function loadFree(pass: Pass, ids: Iterable<string>): Promise<void> {
  const live = missing(pass, ids)
  if (live.length > 0) keep(pass, await pass.connection.rows<Row>(LOCK_FREE, [uuids(live)]), true)
}

function missing({ drafts }: Pass, ids: Iterable<string>): string[] {
  return [...new Set(ids)].filter((id) => !drafts.has(id)).toSorted()
}

function keep({ drafts }: Pass, rows: readonly Row[], live: boolean): void {
  for (const row of rows) {
    const task = taskOf(row, live)
    drafts.set(task.id, { task, before: { ...task }, result: null, resultSize: 0, removed: null })
  }
}

/** The task, unless it is not there, or was removed by this very operation. */
export function draftOf({ drafts }: Pass, id: string): Draft | undefined {
  const draft = drafts.get(id)
  return draft?.removed === null ? draft : undefined
}

export function isFinal({ state }: Readonly<Task>): boolean {
  return state >= FINAL_FROM
}

export function isRunning({ state }: Readonly<Task>): boolean {
  return state === STATE.running
}

export interface Line {
  readonly event: HistoryEvent
  readonly session?: number | null
  readonly detail?: string | null | undefined
}

/** Adds an event to the history, behind the claim that it belongs to. */
export function tell(pass: Pass, { task }: Draft, { event, session = null, detail = null }: Line): void {
  tellClaim(task)
  task.history = withLine(task.history, { event, at: pass.now, epoch: task.epoch, session, detail })
}

/** A claim is written into the history when something happens to it. */
export function tellClaim(task: Task): void {
  const { claimedAt: at, epoch, session } = task
  if (at === null || (task.flags & FLAG.told) !== 0) return
  task.history = withLine(task.history, { event: 'claimed', at, epoch, session })
  task.flags |= FLAG.told
}

/** A task waits again; if it holds its key while it waits, it is to take that again. */
export function comeBack(pass: Pass, task: Task): void {
  task.state = STATE.pending
  if ((task.flags & FLAG.keyWaits) !== 0) pass.returning.push(task.id)
}

/** To be claimed, at some time. */
export function isWaiting({ state }: Readonly<Task>): boolean {
  return state === STATE.blocked || state === STATE.pending
}

/** When a task that does not run is ended for that, and how; `null`: it has no limit. */
export function timeLimitOf(
  task: Readonly<Task>,
): { readonly at: number; readonly reason: 'expired' | 'timeout' } | null {
  const { startBy, deadlineAt } = task
  if (startBy !== null && !hasStarted(task) && (deadlineAt === null || startBy <= deadlineAt)) {
    return { at: startBy, reason: 'expired' }
  }
  return deadlineAt === null ? null : { at: deadlineAt, reason: 'timeout' }
}

/** A claim that was returned did not start it. */
function hasStarted(task: Readonly<Task>): boolean {
  const { claims, returns } = countersOf(task)
  return claims > returns
}

/** The counters of the claims that have ended, a success aside. */
export function countersOf(task: Pick<Task, 'counters'>): MutableCounters {
  return readCounters(task.counters)
}

export function setCounters(task: Task, counters: Counters): void {
  task.counters = writeCounters(counters)
}

export function setError(task: Task, error: TaskError | null): void {
  task.error = error === null ? null : JSON.stringify(error)
}

/** What an end brings with it. */
export interface End {
  readonly state: number
  readonly reason?: FailReason
}

/** Ends a task: it waits for nobody any more, and those who wait for it will hear of it. */
export function end(pass: Pass, draft: Draft, { state, reason }: End): void {
  const { task } = draft
  tellClaim(task)
  const lived = !isFinal(task)
  task.state = state
  task.finishedAt = pass.now
  task.reason = reason === undefined ? null : reasonCode(reason)
  task.cause = null
  letGo(pass, task)
  if (lived) tellOfEnd(pass, task, state === STATE.succeeded)
}

/** Removes a task that does not run. */
export function remove(pass: Pass, draft: Draft, mark: string | null): void {
  const { task } = draft
  letGo(pass, task)
  if (!isFinal(task)) tellOfEnd(pass, task, false)
  draft.removed = { mark }
}

function letGo(pass: Pass, task: Task): void {
  if ((task.flags & FLAG.child) !== 0) pass.orphans.add(task.id)
  task.blockers = 0
  task.triggers = 0
  task.gate = null
}

function tellOfEnd(pass: Pass, task: Task, succeeded: boolean): void {
  pass.hint.settled = true
  if ((task.flags & FLAG.parent) !== 0) pass.ended.push({ parent: task.id, succeeded })
}

/** @param checkpoint `null`: it has none any more */
export function setCheckpoint(pass: Pass, { task }: Draft, checkpoint: Payload | null): void {
  task.checkpointSize = sizeOf(checkpoint)
  pass.checkpoints.set(task.id, columnsOf(checkpoint))
}

export function setResult(draft: Draft, columns: Columns, result: Payload | null): void {
  draft.result = columns
  draft.resultSize = sizeOf(result)
}

/** The nonce as the tables have it. */
export function nonceText(nonce: string | null): string | null {
  return nonce === null ? null : nonceValue(nonce).toString()
}
