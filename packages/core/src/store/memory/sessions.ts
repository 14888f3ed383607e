/** The leases of worker processes, and the strays that renewals find. */
import { frozenCopy } from './copies.ts'
import { orderOf } from '../orders.ts'
import { tellDependents } from './dependents.ts'
import { takeKeys } from './keys.ts'
import { move } from './moves.ts'
import { fits, ownerOf, type Task } from './task.ts'
import type {
  Held,
  RenewAnswer,
  RenewRequest,
  SessionOrder,
  SessionOrderRequest,
  SessionRequest,
} from '../port.ts'
import type { Fence, Nonce, SessionId } from '../records.ts'
import type { Home, Pass } from './home.ts'

/** So many renewals in a row that do not list a task make it a stray. */
const MISSED_MAX = 2

export interface Session {
  readonly openedAt: number
  /** As the worker published itself. */
  request: SessionRequest
  /** A lease that lapsed stays lapsed, because store time never goes back. */
  expiresAt: number
  renewals: number
  since: number
  order: SessionOrder | null
  readonly running: Set<Task>
}

export function isAlive({ home, now }: Pass, id: SessionId): boolean {
  const session = home.sessions.get(id)
  return session !== undefined && session.expiresAt > now
}

export function openSession(pass: Pass, given: SessionRequest): { session: 'alive' | 'dead'; now: number } {
  const { home, now } = pass
  const known = home.sessions.get(given.session)
  if (known !== undefined && !isAlive(pass, given.session)) return { session: 'dead', now }
  const request = frozenCopy(given)
  const session = known ?? newSession(request, now)
  session.request = request
  session.since = now
  session.expiresAt = now + request.ttlMs
  home.sessions.set(request.session, session)
  for (const definition of request.definitions) home.definitions.set(definition.type, definition)
  return { session: 'alive', now }
}

function newSession(request: SessionRequest, now: number): Session {
  return { openedAt: now, request, expiresAt: 0, renewals: 0, since: now, order: null, running: new Set() }
}

export function orderSession(
  pass: Pass,
  { session: id, end, concurrency }: SessionOrderRequest,
): { session: 'alive' | 'dead' } {
  const session = pass.home.sessions.get(id)
  if (session === undefined || !isAlive(pass, id)) return { session: 'dead' }
  const before = session.order
  session.order = orderOf(end ?? before?.end ?? null, concurrency ?? before?.concurrency ?? null)
  return { session: 'alive' }
}

export function closeSession({ home, now }: Pass, id: SessionId): void {
  const session = home.sessions.get(id)
  if (session !== undefined) session.expiresAt = Math.min(session.expiresAt, now)
}

export function renew(pass: Pass, request: RenewRequest): RenewAnswer {
  const { home, now } = pass
  const session = home.sessions.get(request.session)
  if (session === undefined || !isAlive(pass, request.session)) {
    const lost = (request.held ?? []).map(({ fence }) => copyOf(fence))
    return { session: 'dead', now, lost, cancelled: [], order: null }
  }
  session.expiresAt = now + request.ttlMs
  const { held } = request
  if (held === null) return { session: 'alive', now, lost: [], cancelled: askedToStop(session), order: null }
  const listing = { held, awaiting: request.awaiting }
  if (request.seq > session.renewals) {
    session.renewals = request.seq
    startClocks(pass, listing)
    returnStrays(pass, session, listing)
    takeKeys(pass)
    tellDependents(pass)
  }
  return { session: 'alive', now, ...compareNotes(home, listing), order: session.order }
}

/** What the worker says that it knows of. */
interface Listing {
  readonly held: readonly Held[]
  readonly awaiting: readonly Nonce[]
}

/** What the session runs and is asked to stop. */
function askedToStop({ running }: Session): RenewAnswer['cancelled'] {
  return [...running].flatMap((task) => {
    const { nonce } = ownerOf(task)
    return task.cancel === null
      ? []
      : [{ fence: { task: task.spec.id, epoch: task.epoch, nonce }, reason: task.cancel.reason }]
  })
}

/** Which of the listed tasks are lost, and which are asked to stop. */
function compareNotes(home: Home, { held }: Listing): Pick<RenewAnswer, 'lost' | 'cancelled'> {
  const lost: Fence[] = []
  const cancelled: RenewAnswer['cancelled'][number][] = []
  for (const { fence } of held) {
    const task = heldTask(home, fence)
    if (task === undefined) lost.push(copyOf(fence))
    else if (task.cancel !== null) cancelled.push({ fence: copyOf(fence), reason: task.cancel.reason })
  }
  return { lost, cancelled }
}

/** The running task that the fence holds. */
function heldTask(home: Home, fence: Fence): Task | undefined {
  const task = home.tasks.get(fence.task)
  return task?.state === 'running' && fits(task, fence) ? task : undefined
}

function startClocks({ home, now }: Pass, { held }: Listing): void {
  for (const { fence, started } of held) {
    const task = heldTask(home, fence)
    if (started && task !== undefined) ownerOf(task).attemptAt ??= now
  }
}

function returnStrays(pass: Pass, session: Session, { held, awaiting }: Listing): void {
  const listed = new Set(held.map(({ fence }) => heldTask(pass.home, fence)))
  const nonces = new Set(awaiting)
  for (const task of [...session.running].toSorted((a, b) => a.seq - b.seq)) {
    const owner = ownerOf(task)
    owner.missed = listed.has(task) || nonces.has(owner.nonce) ? 0 : owner.missed + 1
    // one that was taken over keeps the cause of that: it is left for the next who reclaims
    if (isStray(task) && owner.takeover === null) {
      move(pass, task, { operation: 'return', set: { ownership: null }, by: owner.session })
    }
  }
}

/** Whether nobody knows of the task: the reply that carried it was lost. */
export function isStray(task: Task): boolean {
  return ownerOf(task).missed >= MISSED_MAX
}

function copyOf({ task, epoch, nonce }: Fence): Fence {
  return { task, epoch, nonce }
}
