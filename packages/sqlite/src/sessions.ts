/** The leases of worker processes, and the strays that renewals find. */
import { nonceValue, orderOf } from '@millrace/core/store'
import { idFromHex } from './codes.ts'
import { tellDependents } from './dependents.ts'
import { takeKeys } from './holds.ts'
import { move } from './moves.ts'
import { cancelReason } from './settling.ts'
import {
  CANCEL_OF,
  CANCELLED_OF,
  CLOSE_SESSION,
  EXTEND_SESSION,
  FIND_SESSION,
  OPEN_SESSION,
  ORDER_SESSION,
  PUBLISH,
  RAISE_FLOOR,
  RENEW_SESSION,
  READ_ORDER,
  REOPEN_SESSION,
  RUNNING_OF,
  RUNNING_UNDER,
  SET_MISSED,
  START_CLOCK,
  TERMS_OF,
} from './statements/sessions.ts'
import { draftOf, save, seqOf } from './tasks.ts'
import type {
  CancelRequest,
  Fence,
  Held,
  RenewAnswer,
  RenewRequest,
  SessionOrder,
  SessionOrderRequest,
  SessionRequest,
} from '@millrace/core/store'
import type { Pass } from './home.ts'

/** So many renewals in a row that do not list a task make it a stray. */
const MISSED_MAX = 2

interface Session {
  readonly key: number
  readonly expiresAt: number
  readonly renewals: number
}

function find({ database }: Pass, id: string): Session | undefined {
  const row = database.get<[key: number, expiresAt: number, renewals: number]>(FIND_SESSION, id)
  return row === undefined ? undefined : { key: row[0], expiresAt: row[1], renewals: row[2] }
}

/** The key of a session whose lease goes on; `null`: it has lapsed, or never was. */
export function aliveKey(pass: Pass, id: string): number | null {
  const session = find(pass, id)
  return session !== undefined && session.expiresAt > pass.now ? session.key : null
}

type Opened = { readonly session: 'alive' | 'dead'; readonly now: number }

export function openSession(pass: Pass, request: SessionRequest): Opened {
  const { database, now } = pass
  const { session: id, ttlMs, definitions, ...profile } = request
  const known = find(pass, id)
  if (known !== undefined && known.expiresAt <= now) return { session: 'dead', now }
  if (known === undefined) database.run(OPEN_SESSION, id, now, now + ttlMs, JSON.stringify(profile))
  else database.run(REOPEN_SESSION, now, now + ttlMs, JSON.stringify(profile), known.key)
  for (const definition of definitions) database.run(PUBLISH, definition.type, JSON.stringify(definition))
  return { session: 'alive', now }
}

export function orderSession(
  pass: Pass,
  { session: id, end, concurrency }: SessionOrderRequest,
): { readonly session: 'alive' | 'dead' } {
  const key = aliveKey(pass, id)
  if (key === null) return { session: 'dead' }
  pass.database.run(ORDER_SESSION, end ?? null, concurrency ?? null, key)
  return { session: 'alive' }
}

/** What the session still holds lapses with it. */
export function closeSession({ database, now }: Pass, id: string): null {
  database.run(CLOSE_SESSION, now, id)
  return null
}

export function renew(pass: Pass, request: RenewRequest): RenewAnswer {
  const { database, now } = pass
  const session = find(pass, request.session)
  if (session === undefined || session.expiresAt <= now) {
    const lost = (request.held ?? []).map(({ fence }) => fence)
    return { session: 'dead', now, lost, cancelled: [], order: null }
  }
  const { held, awaiting } = request
  if (held === null) {
    database.run(EXTEND_SESSION, now + request.ttlMs, session.key)
    database.run(RAISE_FLOOR, now)
    return { session: 'alive', now, lost: [], cancelled: askedToStop(pass, session), order: null }
  }
  database.run(RENEW_SESSION, now + request.ttlMs, request.seq, session.key)
  database.run(RAISE_FLOOR, now)
  const counts = request.seq > session.renewals
  if (counts) {
    const listed = startClocks(pass, held)
    returnStrays(pass, session, { listed, awaiting: new Set(awaiting) })
    takeKeys(pass)
    tellDependents(pass)
  }
  const order = orderOf(
    ...database.get<[end: SessionOrder['end'], concurrency: number | null]>(READ_ORDER, session.key)!,
  )
  return { session: 'alive', now, ...compareNotes(pass, held), order }
}

interface Running {
  readonly seq: number
  readonly missed: number
  readonly timeoutAt: number | null
  readonly cancelAt: number | null
}

/** The running task that the fence holds. */
function heldTask(pass: Pass, { task, epoch, nonce }: Fence): Running | undefined {
  const seq = seqOf(pass, task)
  if (seq === undefined) return undefined
  return pass.database.object<Running>(RUNNING_UNDER, seq, epoch, nonceValue(nonce))
}

/** @returns the seqs of what is listed */
function startClocks(pass: Pass, held: readonly Held[]): ReadonlySet<number> {
  const listed = new Set<number>()
  for (const { fence, started } of held) {
    const running = heldTask(pass, fence)
    if (running === undefined) continue
    listed.add(running.seq)
    if (!started || running.timeoutAt !== null) continue
    const timeoutMs = timeoutOf(pass, running.seq)
    if (timeoutMs !== null) pass.database.run(START_CLOCK, pass.now + timeoutMs, running.seq)
  }
  return listed
}

function timeoutOf({ database, names }: Pass, seq: number): number | null {
  const [terms] = database.get<[number]>(TERMS_OF, seq)!
  return (JSON.parse(names.termsOf(terms)) as [policy: unknown, timeoutMs: number | null])[1]
}

interface Listing {
  readonly listed: ReadonlySet<number>
  readonly awaiting: ReadonlySet<string>
}

interface Owned extends Running {
  readonly nonce: string
  readonly cause: number | null
}

function returnStrays(pass: Pass, { key }: Session, { listed, awaiting }: Listing): void {
  const { database } = pass
  for (const { seq, nonce, missed, cause } of database.objects<Owned>(RUNNING_OF, key)) {
    const misses = listed.has(seq) || awaiting.has(nonce) ? 0 : missed + 1
    if (misses !== missed) database.run(SET_MISSED, misses, seq)
    // one that was taken over keeps the cause of that: it is left for the next who reclaims
    if (misses >= MISSED_MAX && cause === null) returnStray(pass, seq)
  }
}

/** It goes back as if it had been returned, and nobody holds its fence any more. */
function returnStray(pass: Pass, seq: number): void {
  const draft = draftOf(pass, seq)!
  const { task } = draft
  task.nonce = null
  task.settled = null
  move(pass, draft, { operation: 'return', by: task.owner, detail: cancelReason(task) })
  save(pass, draft)
}

/** What the session runs and is asked to stop. */
function askedToStop(pass: Pass, { key }: Session): RenewAnswer['cancelled'] {
  const rows = pass.database.objects<{ seq: number; id: string; epoch: number; nonce: string }>(
    CANCELLED_OF,
    key,
  )
  return rows.map(({ seq, id, epoch, nonce }) => ({
    fence: { task: idFromHex(id), epoch, nonce },
    reason: reasonOf(pass, seq),
  }))
}

/** Which of the listed tasks are lost, and which are asked to stop. */
function compareNotes(pass: Pass, held: readonly Held[]): Pick<RenewAnswer, 'lost' | 'cancelled'> {
  const lost: Fence[] = []
  const cancelled: RenewAnswer['cancelled'][number][] = []
  for (const { fence } of held) {
    const running = heldTask(pass, fence)
    if (running === undefined) lost.push(fence)
    else if (running.cancelAt !== null) cancelled.push({ fence, reason: reasonOf(pass, running.seq) })
  }
  return { lost, cancelled }
}

function reasonOf({ database }: Pass, seq: number): string | null {
  const [cancel] = database.get<[string | null]>(CANCEL_OF, seq)!
  return cancel === null ? null : (JSON.parse(cancel) as CancelRequest).reason
}
