/**
 * A task on its slow way: loaded whole, changed, saved. Whatever is not the bulk of `add`, claim and success
 * goes through here, so that what belongs to a state comes and goes in one place.
 */
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
import { idBytes } from './codes.ts'
import { historyLine } from './history.ts'
import { isApart, sizeOf } from './sizes.ts'
import { dropWindow, keepKey } from './holds.ts'
import {
  ADD_VOLUME,
  BURY,
  CLAIM_TOLD,
  DELETE_APART,
  DELETE_NOTES,
  DELETE_TASK,
  DROP_APART,
  DROP_EMPTY_VOLUME,
  ENTER_LATER,
  ENTER_READY,
  FIND_SEQ,
  GET_APART,
  KEEP_SEQ_UP,
  LAST_SEQ,
  LEAVE_LATER,
  LEAVE_READY,
  LOAD_TASK,
  PUT_APART,
  SAVE_TASK,
  SET_PAYLOAD,
  SET_RESULT,
  STOP_RUNNING,
} from './statements/tasks.ts'
import { EDGES_OF_CHILD_CLOSE, IS_OPEN } from './statements/dependents.ts'
import type { Home, Pass } from './home.ts'

/** What a claim has to look up, or to give up (a key: the greatest of them), beyond the plain columns of a row. */
export const EXTRA = { counters: 1, texts: 2, payload: 4, checkpoint: 8, key: 16 } as const

/** Parts that are kept apart from a task's row: key = 4 * seq + part. */
export const PART = { payload: 0, result: 1, checkpoint: 2 } as const

const HOUR_MS = 3_600_000
/** How long after its task was enqueued an id that a client drew is remembered: nobody repeats it later. */
const CLIENT_ID_MS = 15 * 60_000
/** How long after its task was removed an id that a user gave is remembered. */
const USER_ID_MS = 24 * HOUR_MS

/** A task's row (see the schema), and its claim if it runs. */
export interface Task {
  readonly seq: number
  readonly id: string
  readonly queue: number
  readonly route: number
  readonly terms: number
  readonly enqueuedAt: number
  readonly digest: string
  readonly madeByUser: number
  readonly keyTerms: string | null
  uniqueKey: string | null
  state: number
  level: number
  runAt: number
  epoch: number
  extra: number
  size: number
  weight: number
  expiresAt: number | null
  finishedAt: number | null
  nonce: string | null
  settled: number | null
  resultSize: number
  counters: string | null
  reason: number | null
  error: string | null
  held: number
  blockers: number
  triggers: number
  gate: number | null
  startBy: number | null
  deadlineAt: number | null
  cancel: string | null
  restartedAt: number | null
  mark: string | null
  /** The session that runs it; `null`: it does not run. */
  owner: number | null
  readonly runEpoch: number | null
  readonly runNonce: string | null
  readonly claimedAt: number | null
  told: number | null
  readonly runSettled: number | null
  readonly cause: number | null
}

/** A task as it is being changed. */
export interface Draft {
  readonly task: Task
  /** Where it stood when it was loaded. */
  readonly before: Readonly<Task>
  lines: string
}

export function seqOf({ database }: Home, id: string): number | undefined {
  return database.get<[number]>(FIND_SEQ, idBytes(id))?.[0]
}

/** The last seq that was ever used; the next task gets the one after it. */
export function lastSeq({ database }: Home): number {
  return database.get<[number]>(LAST_SEQ)![0]
}

/** The task to be changed; `undefined` if there is none. */
export function draftOf({ database }: Home, seq: number): Draft | undefined {
  const task = database.object<Task>(LOAD_TASK, seq)
  if (task === undefined) return undefined
  // printf makes zeros of what is NULL
  if (task.settled === null) task.nonce = null
  return { task, before: { ...task }, lines: '' }
}

export function isRunning(task: Task): boolean {
  return task.owner !== null
}

/** The state as readers know it. */
export function stateNow(task: Task): number {
  return isRunning(task) ? STATE.running : task.state
}

export interface Line {
  readonly event: HistoryEvent
  readonly session?: number | null
  readonly detail?: string | null | undefined
}

/** Adds an event to the history, behind the claim that it belongs to. */
export function tell(pass: Pass, draft: Draft, { event, session = null, detail = null }: Line): void {
  const { task } = draft
  tellClaim(draft)
  const epoch = isRunning(task) ? task.runEpoch! : task.epoch
  draft.lines += historyLine({ event, at: pass.now, epoch, session, detail })
}

/** A claim is written into the history when it ends, or before the next event if that comes sooner. */
export function tellClaim(draft: Draft): void {
  const { task } = draft
  const { owner, claimedAt, runEpoch } = draft.before
  if (owner === null || task.told !== 0) return
  draft.lines += historyLine({ event: 'claimed', at: claimedAt!, epoch: runEpoch!, session: owner })
  task.told = 1
}

/** Writes what has changed, and moves the task to where it now belongs. */
export function save(pass: Pass, draft: Draft): void {
  const { task, before, lines } = draft
  const { database } = pass
  task.expiresAt = expiryOf(task)
  keepKey(pass, draft)
  database.run(
    SAVE_TASK,
    task.state,
    task.level,
    task.runAt,
    task.epoch,
    task.extra,
    task.size,
    task.weight,
    task.resultSize,
    task.expiresAt,
    task.finishedAt,
    task.nonce === null ? null : nonceValue(task.nonce),
    task.settled,
    task.counters,
    task.reason,
    task.error,
    task.held,
    task.blockers,
    task.triggers,
    task.gate,
    task.startBy,
    task.deadlineAt,
    task.cancel,
    task.restartedAt,
    task.mark,
    lines,
    task.seq,
  )
  if (before.owner !== null && task.owner === null) database.run(STOP_RUNNING, task.seq)
  else if (task.told !== before.told) database.run(CLAIM_TOLD, task.seq)
  move(pass, draft)
}

function move(pass: Pass, { task, before }: Draft): void {
  const stood = isFree(before)
  const stands = isFree(task)
  const same = before.level === task.level && before.runAt === task.runAt
  if (stood && !(stands && same)) leaveLine(pass, before)
  if (stands && !(stood && same)) enterLine(pass, task)
  if (before.state >= FINAL_FROM) addVolume(pass, before, -1)
  if (task.state >= FINAL_FROM) addVolume(pass, task, 1)
}

/** Whether it waits to be claimed, now or later. */
function isFree(task: Task): boolean {
  return task.state === STATE.pending && task.held === 0 && !isRunning(task)
}

function leaveLine({ database }: Pass, { queue, route, level, runAt, seq }: Readonly<Task>): void {
  // it may have fallen due without having been moved along
  const left = database.run(LEAVE_READY, queue, route, level, runAt, seq)
  if (left === 0) database.run(LEAVE_LATER, queue, route, runAt, seq)
}

function enterLine(pass: Pass, { queue, route, level, runAt, seq }: Task): void {
  pass.hint.ready = true
  if (runAt <= pass.now) pass.database.run(ENTER_READY, queue, route, level, runAt, seq)
  else pass.database.run(ENTER_LATER, queue, route, runAt, seq)
}

function addVolume(pass: Pass, task: Readonly<Task>, count: 1 | -1): void {
  const bytes = task.weight + task.size + task.resultSize
  addToVolume(pass, {
    queue: task.queue,
    state: task.state,
    at: task.finishedAt!,
    count,
    bytes: count * bytes,
  })
}

export interface VolumeChange {
  readonly queue: number
  readonly state: number
  readonly at: number
  readonly count: number
  readonly bytes: number
}

export function addToVolume(pass: Pass, { queue, state, at, count, bytes }: VolumeChange): void {
  const hour = Math.floor(at / HOUR_MS)
  const key = `${queue} ${state} ${hour}`
  let volume = pass.volumes.get(key)
  if (volume === undefined) {
    volume = { queue, state, hour, count: 0, bytes: 0 }
    pass.volumes.set(key, volume)
  }
  volume.count += count
  volume.bytes += bytes
}

/** Writes down how the volumes have changed: once per operation. */
export function flushVolumes({ database, volumes }: Pass): void {
  for (const { queue, state, hour, count, bytes } of volumes.values()) {
    if (count === 0 && bytes === 0) continue
    database.run(ADD_VOLUME, queue, state, hour, count, bytes)
    if (count < 0) database.run(DROP_EMPTY_VOLUME, queue, state, hour)
  }
  volumes.clear()
}

/** The first time limit that ends the task unless it runs; `null` without any. */
function expiryOf(task: Task): number | null {
  if (task.state >= FINAL_FROM) return null
  const { startBy, deadlineAt } = task
  if (startBy === null || hasStarted(task)) return deadlineAt
  return deadlineAt === null ? startBy : Math.min(startBy, deadlineAt)
}

/** A claim that was returned did not start it. */
export function hasStarted(task: Task): boolean {
  const { claims, returns } = countersOf(task)
  return claims > returns
}

/** The counters of the claims that have ended, a success aside. */
export function countersOf(task: Pick<Task, 'counters'>): MutableCounters {
  return readCounters(task.counters)
}

export function setCounters(task: Task, counters: Counters): void {
  task.counters = writeCounters(counters)
  task.extra |= EXTRA.counters
}

/** What an end brings with it. */
export interface End {
  readonly state: number
  readonly reason?: FailReason
}

/** Ends a task: it waits for nobody any more, and those who wait for it will hear of it. */
export function end(pass: Pass, draft: Draft, { state, reason }: End): void {
  const { task, before } = draft
  task.state = state
  task.finishedAt = pass.now
  task.reason = reason === undefined ? null : reasonCode(reason)
  task.owner = null
  stopWaiting(pass, draft)
  if (before.state < FINAL_FROM) pass.ended.push({ seq: task.seq, succeeded: state === STATE.succeeded })
  pass.hint.settled = true
}

/** Its edges go: it is final, or will be removed. */
function stopWaiting({ database }: Pass, { task }: Draft): void {
  if ((task.extra & EXTRA.texts) !== 0) database.run(EDGES_OF_CHILD_CLOSE, task.seq)
  task.blockers = 0
  task.triggers = 0
  task.gate = null
}

export function setError(task: Task, error: TaskError | null): void {
  task.weight += lengthOf(error) - (task.error?.length ?? 0)
  task.error = error === null ? null : JSON.stringify(error)
}

function lengthOf(error: TaskError | null): number {
  return error === null ? 0 : JSON.stringify(error).length
}

export function putResult({ database }: Pass, task: Task, result: Payload | null): void {
  if (result === null) return
  task.resultSize = sizeOf(result)
  if (isApart(result)) database.run(PUT_APART, task.seq * 4 + PART.result, result)
  else database.run(SET_RESULT, result as string, task.seq)
}

/** Another payload, or none. */
export function putPayload({ database }: Pass, task: Task, payload: Payload | null): void {
  if ((task.extra & EXTRA.payload) !== 0) database.run(DROP_APART, task.seq * 4 + PART.payload)
  task.extra &= ~EXTRA.payload
  task.size = payload === null ? 0 : sizeOf(payload)
  const apart = payload !== null && isApart(payload)
  database.run(SET_PAYLOAD, apart ? null : (payload as string | null), task.seq)
  if (!apart) return
  task.extra |= EXTRA.payload
  database.run(PUT_APART, task.seq * 4 + PART.payload, payload)
}

export function putCheckpoint({ database }: Pass, task: Task, checkpoint: Payload | null): void {
  const key = task.seq * 4 + PART.checkpoint
  if ((task.extra & EXTRA.checkpoint) !== 0) {
    const [old] = database.get<[Payload]>(GET_APART, key)!
    task.weight -= sizeOf(old)
    database.run(DROP_APART, key)
  }
  task.extra &= ~EXTRA.checkpoint
  if (checkpoint === null) return
  task.extra |= EXTRA.checkpoint
  task.weight += sizeOf(checkpoint)
  database.run(PUT_APART, key, checkpoint)
}

/** Removes a task that does not run. What is left of it is a tombstone, unless it waited behind a gate that was not opened. */
export function remove(pass: Pass, draft: Draft, mark: string | null): void {
  const { task, before } = draft
  const { database, now } = pass
  if (isFree(before)) leaveLine(pass, before)
  stopWaiting(pass, draft)
  const final = before.state >= FINAL_FROM
  if (final) addVolume(pass, before, -1)
  else pass.ended.push({ seq: task.seq, succeeded: false })
  if (!final) pass.hint.settled = true
  database.run(DELETE_TASK, task.seq)
  database.run(DELETE_APART, task.seq)
  database.run(DELETE_NOTES, task.seq)
  database.run(KEEP_SEQ_UP, task.seq)
  // nobody was promised what waits behind a gate that was not opened
  if (before.gate !== null && database.get(IS_OPEN, before.gate) === undefined) {
    dropWindow(pass, task)
    return
  }
  const until = task.madeByUser === 1 ? now + USER_ID_MS : task.enqueuedAt + CLIENT_ID_MS
  // whoever waited for one that had not ended sees it cancelled
  const state = final ? before.state : STATE.cancelled
  if (until > now) database.run(BURY, Buffer.from(task.id, 'hex'), task.digest, state, until, mark)
}
