/** Writes what has changed of a pass's tasks, and moves each to where it now belongs. */
import { int4s, int8s, texts, uuids } from './arrays.ts'
import { readKeyTerms, STATE } from '@millrace/core/store'
import { FLAG } from './codes.ts'
import { DROP_EDGES_OF, OPEN_AMONG } from './statements/dependents.ts'
import { DROP_WINDOWS, TAKE_KEYS } from './statements/keys.ts'
import {
  ADD_VOLUMES,
  BURY,
  END_LIVE,
  REMOVE_FINAL,
  REMOVE_LIVE,
  REVIVE,
  SAVE_LIVE,
  SET_CHECKPOINTS,
  SET_PAYLOADS,
} from './statements/tasks.ts'
import {
  draftOf,
  isFinal,
  isRunning,
  isWaiting,
  nonceText,
  timeLimitOf,
  type Draft,
  type Task,
} from './tasks.ts'
import { saveLimits } from './keeping.ts'
import { spotOfText } from './lanes.ts'
import { noteSeries, promote } from './series.ts'
import type { Columns } from './payloads.ts'
import type { Pass } from './pass.ts'

/** How long after its task was enqueued an id that a client drew is remembered: nobody repeats it later. */
export const CLIENT_ID_MS: number = 15 * 60_000
/** How long after its task was removed an id that a user gave is remembered. */
export const USER_ID_MS: number = 24 * 3_600_000
/** What a final task counts beside its payload, its checkpoint and its result. */
const ROW_BYTES = 200

/** Where a task stands in line. */
export const PLACE = { nowhere: 0, ready: 1, later: 2 } as const

/** The first of a series gets its place when all is written (see `promote`). */
function placeOf(pass: Pass, { state, flags, runAt }: Readonly<Task>): number {
  if (state !== STATE.pending || (flags & (FLAG.held | FLAG.inOrder)) !== 0) return PLACE.nowhere
  return runAt <= pass.now ? PLACE.ready : PLACE.later
}

interface Sheets {
  readonly live: object[]
  readonly ended: object[]
  readonly revived: object[]
  readonly removedLive: string[]
  readonly removedFinal: string[]
  readonly buried: (Readonly<Record<string, unknown>> & { readonly id: string })[]
  /** By removed task, the gate that it waited for. */
  readonly gates: Map<string, number>
  /** Keys of removed tasks that are held for a time. */
  readonly windows: { readonly id: string; readonly key: string }[]
  readonly volumes: Map<string, { queue: number; state: number; tasks: number; bytes: number }>
}

export async function save(pass: Pass): Promise<void> {
  const sheets: Sheets = {
    live: [],
    ended: [],
    revived: [],
    removedLive: [],
    removedFinal: [],
    buried: [],
    gates: new Map(),
    windows: [],
    volumes: new Map(),
  }
  for (const draft of pass.drafts.values()) sort(pass, draft, sheets)
  const { connection } = pass
  // revived ones first: payloads and checkpoints are set on live rows
  if (sheets.revived.length > 0) await connection.run(REVIVE, [JSON.stringify(sheets.revived)])
  await setColumns(pass, SET_CHECKPOINTS, pass.checkpoints)
  await setColumns(pass, SET_PAYLOADS, pass.payloads)
  if (sheets.live.length > 0) await connection.run(SAVE_LIVE, [JSON.stringify(sheets.live)])
  if (sheets.ended.length > 0) await connection.run(END_LIVE, [JSON.stringify(sheets.ended)])
  if (sheets.removedLive.length > 0) await connection.run(REMOVE_LIVE, [uuids(sheets.removedLive)])
  await takeKeys(pass)
  if (sheets.removedFinal.length > 0) await connection.run(REMOVE_FINAL, [uuids(sheets.removedFinal)])
  const isPromised = await promises(pass, sheets)
  const buried = sheets.buried.filter(isPromised)
  if (buried.length > 0) await connection.run(BURY, [JSON.stringify(buried)])
  await dropWindows(
    pass,
    sheets.windows.filter((window) => !isPromised(window)),
  )
  if (pass.orphans.size > 0) await connection.run(DROP_EDGES_OF, [uuids([...pass.orphans].toSorted())])
  await saveVolumes(pass, sheets)
  await saveLimits(pass)
  await promote(pass)
  for (const [id, draft] of pass.drafts) settleDown(pass, id, draft)
  pass.orphans.clear()
}

/** A pass may save more than once: what was saved is where it stands from now on. */
function settleDown({ drafts }: Pass, id: string, { task, removed }: Draft): void {
  if (removed !== null) drafts.delete(id)
  else drafts.set(id, { task, before: { ...task }, result: null, resultSize: 0, removed: null })
}

/** Nobody was promised what waits behind a gate that was not opened: nothing is remembered of that. */
async function promises(
  { connection }: Pass,
  { gates }: Sheets,
): Promise<(removed: { readonly id: string }) => boolean> {
  if (gates.size === 0) return () => true
  const rows = await connection.rows<[number]>(OPEN_AMONG, [int4s([...gates.values()])])
  const open = new Set(rows.map(([key]) => key))
  return ({ id }) => {
    const gate = gates.get(id)
    return gate === undefined || open.has(gate)
  }
}

async function dropWindows({ connection }: Pass, windows: Sheets['windows']): Promise<void> {
  if (windows.length === 0) return
  await connection.run(DROP_WINDOWS, [
    texts(windows.map(({ key }) => key)),
    uuids(windows.map(({ id }) => id)),
  ])
}

/** Keys are asked for in one order, so that those who do so at once do not wait for each other in a circle. */
async function takeKeys(pass: Pass): Promise<void> {
  const takers = pass.returning.splice(0).flatMap((id) => {
    const task = draftOf(pass, id)?.task
    return task === undefined || !isWaiting(task) ? [] : [{ id, key: readKeyTerms(task.keyTerms!).key }]
  })
  if (takers.length === 0) return
  takers.sort((a, b) => (a.key === b.key ? 0 : a.key < b.key ? -1 : 1))
  await pass.connection.run(TAKE_KEYS, [
    uuids(takers.map(({ id }) => id)),
    texts(takers.map(({ key }) => key)),
  ])
}

async function setColumns(pass: Pass, statement: string, changes: Map<string, Columns>): Promise<void> {
  if (changes.size === 0) return
  const columns = [...changes.values()]
  const values = [uuids([...changes.keys()]), columns.map(({ text }) => text), columns.map(({ raw }) => raw)]
  await pass.connection.run(statement, values)
  changes.clear()
}

async function saveVolumes({ connection }: Pass, { volumes }: Sheets): Promise<void> {
  const changed = [...volumes.values()].filter(({ tasks, bytes }) => tasks !== 0 || bytes !== 0)
  if (changed.length === 0) return
  await connection.run(ADD_VOLUMES, [
    int4s(changed.map(({ queue }) => queue)),
    int4s(changed.map(({ state }) => state)),
    int8s(changed.map(({ tasks }) => tasks)),
    int8s(changed.map(({ bytes }) => bytes)),
  ])
}

function sort(pass: Pass, draft: Draft, sheets: Sheets): void {
  const { task, before, removed } = draft
  const was = before !== null && isFinal(before)
  takeBack(pass, draft)
  if (removed !== null) {
    bury(pass, draft, sheets)
    return
  }
  if (isFinal(task)) {
    // a final task stays as it is
    if (was) return
    const payloadSize = task.state === STATE.succeeded ? 0 : task.size
    task.bytes = ROW_BYTES + payloadSize + task.checkpointSize + draft.resultSize
    addVolume(sheets, task, 1)
    sheets.ended.push(endRow(draft))
    return
  }
  task.expiresAt = isRunning(task) ? null : (timeLimitOf(task)?.at ?? null)
  if (was) {
    // it arrives anew, and so in its series
    task.flags &= ~FLAG.late
    addVolume(sheets, before, -1)
    sheets.revived.push(liveRow(pass, task))
  } else if (before === null || hasChanged(before, task)) {
    sheets.live.push(liveRow(pass, task))
  }
  if (placeOf(pass, task) !== PLACE.nowhere && (before === null || hasChanged(before, task)))
    pass.hint.ready = true
}

/** What a task stood for as long as it ran, or lived. */
function takeBack(pass: Pass, { task, before, removed }: Draft): void {
  if (task.counted !== null && (removed !== null || !isRunning(task))) {
    pass.counted.push(task.counted)
    task.counted = null
    pass.hint.ready = true
  }
  if ((task.flags & FLAG.inOrder) === 0) return
  if (before !== null && isFinal(before) && (removed !== null || isFinal(task))) return
  noteSeries(pass, task)
}

function hasChanged(before: Readonly<Task>, task: Readonly<Task>): boolean {
  for (const name in task) if (before[name as keyof Task] !== task[name as keyof Task]) return true
  return false
}

function bury(pass: Pass, { task, before, removed }: Draft, sheets: Sheets): void {
  const { now } = pass
  const final = before !== null && isFinal(before)
  if (final) addVolume(sheets, before, -1)
  ;(final ? sheets.removedFinal : sheets.removedLive).push(task.id)
  if (before !== null && before.gate !== null) noteGate(task, before.gate, sheets)
  const madeByUser = (task.flags & FLAG.madeByUser) !== 0
  const until = madeByUser ? now + USER_ID_MS : task.enqueuedAt + CLIENT_ID_MS
  if (until <= now) return
  // whoever waited for one that had not ended sees it cancelled
  const state = final ? before.state : STATE.cancelled
  sheets.buried.push({ id: task.id, digest: task.digest, state, until, mark: removed!.mark })
}

/** Whether the task was promised to anybody depends on its gate. */
function noteGate({ id, keyTerms }: Task, gate: number, { gates, windows }: Sheets): void {
  gates.set(id, gate)
  if (keyTerms === null) return
  const { mode, key } = readKeyTerms(keyTerms)
  if (mode === 'time') windows.push({ id, key })
}

function addVolume({ volumes }: Sheets, { queue, state, bytes }: Readonly<Task>, tasks: 1 | -1): void {
  const key = `${queue} ${state}`
  const volume = volumes.get(key) ?? { queue, state, tasks: 0, bytes: 0 }
  volume.tasks += tasks
  volume.bytes += tasks * bytes
  volumes.set(key, volume)
}

/** Columns that change, by their names in the tables. */
function rowOf(task: Task): object {
  const { id, state, level, flags, epoch, session, settled, counters, history, error, cancel } = task
  const { mark, progress, logs, size } = task
  return {
    id,
    state,
    level,
    flags,
    epoch,
    session,
    settled,
    counters,
    history,
    error,
    cancel,
    mark,
    progress,
    logs,
    size,
    nonce: nonceText(task.nonce),
    run_at: task.runAt,
    claimed_at: task.claimedAt,
    start_by: task.startBy,
    deadline_at: task.deadlineAt,
    restarted_at: task.restartedAt,
  }
}

function liveRow(pass: Pass, task: Task): object {
  const { gate, blockers, triggers, missed, cause, counted } = task
  const { partition, lane } = spotOfText(task.laneText)
  return {
    ...rowOf(task),
    gate,
    blockers,
    triggers,
    missed,
    cause,
    counted,
    partition: partition.toString(),
    lane: lane.toString(),
    ord: task.dueBy ?? task.runAt,
    place: placeOf(pass, task),
    expires_at: task.expiresAt,
    attempt_at: task.attemptAt,
    taken_from: task.takenFrom,
  }
}

function endRow({ task, result }: Draft): object {
  const { reason, bytes } = task
  const succeeded = task.state === STATE.succeeded
  return {
    ...rowOf(task),
    reason,
    bytes,
    size: succeeded ? 0 : task.size,
    finished_at: task.finishedAt,
    slot: succeeded ? null : task.state + 3,
    result: result?.text ?? null,
    result_raw: result === null || result.raw === null ? null : `\\x${result.raw.toString('hex')}`,
  }
}
