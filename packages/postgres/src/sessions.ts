/** The leases of worker processes, and the strays that renewals find. */
import { int4s, int8s, uuids } from './arrays.ts'
import { nonceValue, orderOf } from '@millrace/core/store'
import { nonceOf } from './codes.ts'
import { tellDependents } from './dependents.ts'
import { behindEffect } from './errors.ts'
import { inPass, type Home, type Pass } from './pass.ts'
import { backToPending } from './settling.ts'
import {
  CLAIMS_OF,
  CLOSE_SESSION,
  DROP_CLAIMS,
  OPEN_SESSION,
  ORDER_SESSION,
  PUBLISH,
  RAISE_FLOOR,
  RENEW_SESSION,
  RUNNING_AMONG,
  SET_MISSED,
  START_CLOCKS,
} from './statements/sessions.ts'
import { draftOf, isRunning, loadFree } from './tasks.ts'
import type {
  CancelRequest,
  Fence,
  Held,
  Nonce,
  RenewAnswer,
  RenewRequest,
  SessionId,
  SessionOrder,
  SessionOrderRequest,
  SessionRequest,
} from '@millrace/core/store'

/** So many renewals in a row that do not list a task make it a stray. */
export const MISSED_MAX = 2

/** What there is to know of a running task, without locking it. */
export interface Running {
  readonly id: string
  readonly session: number
  readonly epoch: number
  readonly nonce: string
  readonly deadlineAt: number | null
  readonly cancel: CancelRequest | null
  readonly attemptAt: number | null
  readonly terms: number
  readonly cause: number | null
  readonly missed: number
}

type RunningRow = readonly [
  id: string,
  session: number,
  epoch: number,
  nonce: string,
  deadlineAt: number | null,
  cancel: string | null,
  attemptAt: number | null,
  terms: number,
  cause: number | null,
  missed: number,
]

/** Those of the tasks that run. */
export async function runningAmong(
  { connection }: Pass,
  ids: readonly string[],
): Promise<readonly Running[]> {
  if (ids.length === 0) return []
  const rows = await connection.rows<RunningRow>(RUNNING_AMONG, [uuids(ids)])
  return rows.map(([id, session, epoch, nonce, deadlineAt, cancel, attemptAt, terms, cause, missed]) => ({
    id,
    session,
    epoch,
    deadlineAt,
    attemptAt,
    terms,
    cause,
    missed,
    nonce: nonceOf(nonce),
    cancel: cancel === null ? null : (JSON.parse(cancel) as CancelRequest),
  }))
}

/** A list of UUIDs as Postgres writes it. */
export function idsOf(list: string): readonly string[] {
  return list === '{}' ? [] : list.slice(1, -1).split(',')
}

export async function openSession(
  { database }: Home,
  { session, ttlMs, definitions, ...profile }: SessionRequest,
): Promise<{ readonly session: 'alive' | 'dead'; readonly now: number }> {
  const values = [session, database.seen, ttlMs, JSON.stringify(profile)]
  const [opened] = await database.rows<[alive: boolean, now: number]>(OPEN_SESSION, values)
  const [alive, now] = opened!
  database.saw(now)
  if (alive && definitions.length > 0) {
    // the last of a name counts
    const published = [...new Map(definitions.map((definition) => [definition.type, definition])).values()]
    const types = published.map(({ type }) => type)
    const texts = published.map((definition) => JSON.stringify(definition))
    await behindEffect(() => database.run(PUBLISH, [types, texts]))
  }
  return { session: alive ? 'alive' : 'dead', now }
}

export async function orderSession(
  { database }: Home,
  { session, end, concurrency }: SessionOrderRequest,
): Promise<{ readonly session: 'alive' | 'dead' }> {
  const rows = await database.rows(ORDER_SESSION, [session, database.seen, end ?? null, concurrency ?? null])
  return { session: rows.length > 0 ? 'alive' : 'dead' }
}

/** What the session still holds lapses with it. */
export async function closeSession({ database }: Home, session: SessionId): Promise<void> {
  await database.run(CLOSE_SESSION, [session, database.seen])
}

type RenewedRow = readonly [
  key: number,
  now: number,
  renewal: number,
  end: SessionOrder['end'],
  concurrency: number | null,
]

export async function renew(home: Home, request: RenewRequest): Promise<RenewAnswer> {
  const { session, ttlMs, held, awaiting } = request
  // a blind one never exceeds the last, whatever its number: that counts nothing
  const seq = held === null ? 0 : request.seq
  return inPass(home, async (pass) => {
    const values = [session, pass.now, ttlMs, seq]
    const [row] = await pass.connection.rows<RenewedRow>(RENEW_SESSION, values)
    if (row === undefined) {
      const lost = (held ?? []).map(({ fence }) => fence)
      return { session: 'dead', now: pass.now, lost, cancelled: [], order: null }
    }
    const [key, now, renewal, end, concurrency] = row
    home.database.saw(now)
    await pass.connection.run(RAISE_FLOOR, [now])
    if (held === null) {
      const cancelled = await askedToStop(pass, key)
      return { session: 'alive', now, lost: [], cancelled, order: null }
    }
    if (seq > renewal) {
      await startClocks(pass, held)
      await returnStrays(pass, key, { held, awaiting })
      await tellDependents(pass)
    }
    return { session: 'alive', now, ...(await compareNotes(pass, held)), order: orderOf(end, concurrency) }
  })
}

async function startClocks({ connection, now }: Pass, held: readonly Held[]): Promise<void> {
  const started = held.filter((one) => one.started).map(({ fence }) => fence)
  if (started.length === 0) return
  const sorted = started.toSorted((a, b) => (a.task < b.task ? -1 : 1))
  await connection.run(START_CLOCKS, [
    now,
    uuids(sorted.map(({ task }) => task)),
    int4s(sorted.map(({ epoch }) => epoch)),
    int8s(sorted.map(({ nonce }) => nonceValue(nonce))),
  ])
}

type ClaimRecord = readonly [nonce: string, ids: string]

interface Owned {
  readonly records: readonly ClaimRecord[]
  readonly running: readonly Running[]
}

/** The claims of a session, and what it runs of them. */
async function ownedBy(pass: Pass, key: number): Promise<Owned> {
  const records = await pass.connection.rows<ClaimRecord>(CLAIMS_OF, [key])
  const all = await runningAmong(
    pass,
    records.flatMap(([, ids]) => idsOf(ids)),
  )
  return { records, running: all.filter((task) => task.session === key) }
}

/** What the session runs and is asked to stop. */
async function askedToStop(pass: Pass, key: number): Promise<RenewAnswer['cancelled']> {
  const { running } = await ownedBy(pass, key)
  return running.flatMap(({ id, epoch, nonce, cancel }) =>
    cancel === null ? [] : [{ fence: { task: id, epoch, nonce }, reason: cancel.reason }],
  )
}

interface Listing {
  readonly held: readonly Held[]
  readonly awaiting: readonly Nonce[]
}

async function returnStrays(pass: Pass, key: number, { held, awaiting }: Listing): Promise<void> {
  const { records, running } = await ownedBy(pass, key)
  const listed = new Set(held.map(({ fence }) => keyOf(fence)))
  const nonces = new Set(awaiting)
  const missed: { readonly id: string; readonly missed: number }[] = []
  const strays: Running[] = []
  for (const task of running) {
    const { id, epoch, nonce } = task
    const isKnown = listed.has(keyOf({ task: id, epoch, nonce })) || nonces.has(nonce)
    const misses = isKnown ? 0 : Math.min(task.missed + 1, MISSED_MAX)
    // one that was taken over keeps the cause of that: it is left for the next who reclaims
    if (misses >= MISSED_MAX && task.cause === null) strays.push(task)
    else if (misses !== task.missed) missed.push({ id, missed: misses })
  }
  if (missed.length > 0) {
    await pass.connection.run(SET_MISSED, [
      uuids(missed.map(({ id }) => id)),
      int4s(missed.map((one) => one.missed)),
    ])
  }
  await loadFree(
    pass,
    strays.map(({ id }) => id),
  )
  const arrival = ({ id }: Running): number => draftOf(pass, id)?.task.seq ?? 0
  for (const stray of strays.toSorted((a, b) => arrival(a) - arrival(b))) returnStray(pass, stray)
  const alive = new Set(running.map(({ nonce }) => nonce))
  await dropClaims(
    pass,
    records
      .filter(([nonce]) => !alive.has(nonceOf(nonce)))
      .map(([nonce, ids]) => [key, nonce, idsOf(ids).length]),
  )
}

/** Forgets claims of which nothing runs any more. */
export async function dropClaims(
  { connection }: Pass,
  records: readonly (readonly [session: number, nonce: string, tasks: number])[],
): Promise<void> {
  if (records.length === 0) return
  await connection.run(DROP_CLAIMS, [
    int4s(records.map(([session]) => session)),
    int8s(records.map(([, nonce]) => BigInt(nonce))),
    int4s(records.map(([, , tasks]) => tasks)),
  ])
}

/** It goes back as if it had been returned, and nobody holds its fence any more. */
function returnStray(pass: Pass, { id, epoch, nonce }: Running): void {
  const draft = draftOf(pass, id)
  if (draft === undefined || !isRunning(draft.task)) return
  if (draft.task.epoch !== epoch || draft.task.nonce !== nonce) return
  backToPending(pass, draft, { to: 'pending', count: 'return', delayMs: null, error: null })
  draft.task.nonce = null
  draft.task.settled = 0
}

function keyOf({ task, epoch, nonce }: Fence): string {
  return `${task} ${epoch} ${nonce}`
}

/** Which of the listed tasks are lost, and which are asked to stop. */
async function compareNotes(
  pass: Pass,
  held: readonly Held[],
): Promise<Pick<RenewAnswer, 'lost' | 'cancelled'>> {
  const found = await runningAmong(
    pass,
    held.map(({ fence }) => fence.task),
  )
  const running = new Map(
    found.map((task) => [keyOf({ task: task.id, epoch: task.epoch, nonce: task.nonce }), task]),
  )
  const lost: Fence[] = []
  const cancelled: RenewAnswer['cancelled'][number][] = []
  for (const { fence } of held) {
    const task = running.get(keyOf(fence))
    if (task === undefined) lost.push(fence)
    else if (task.cancel !== null) cancelled.push({ fence, reason: task.cancel.reason })
  }
  return { lost, cancelled }
}
