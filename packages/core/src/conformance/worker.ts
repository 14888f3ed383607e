/** A worker as the port sees it: a session that claims, settles and renews. */
import { equal, holds, only } from './expect.ts'
import type { Scene } from './scene.ts'
import type {
  Demand,
  ExchangeAnswer,
  ExchangeRequest,
  Reclaimed,
  ReclaimRequest,
  RenewAnswer,
  RenewRequest,
  SessionRequest,
  Store,
} from '../store/port.ts'
import type { Claim, Fence, LogEntry, Nonce, Payload, Progress, SessionId, TaskId } from '../store/records.ts'
import type { Notes, Settlement, Transition, Verdict } from '../store/settlement.ts'

const BYTES_MAX: number = 8 * 1_024 * 1_024

/** Whoever holds a fence: a claim, or the fence of a task that was taken over. */
export type Holder = Claim | Fence

export class Worker {
  readonly session: SessionId
  readonly #scene: Scene
  readonly #store: Store
  readonly #request: SessionRequest
  readonly #seqs = new Map<string, number>()
  #renewals = 0

  constructor(scene: Scene, store: Store, request: SessionRequest) {
    this.#scene = scene
    this.#store = store
    this.#request = request
    this.session = request.session
  }

  /** Begins the lease anew. */
  reopen(): ReturnType<Store['openSession']> {
    return this.#store.openSession(this.#request)
  }

  close(): Promise<void> {
    return this.#store.closeSession(this.session)
  }

  exchange(changes: Partial<ExchangeRequest>): Promise<ExchangeAnswer> {
    return this.#store.exchange({
      session: this.session,
      nonce: this.#scene.nonce(),
      again: false,
      settlements: [],
      demand: null,
      ...changes,
    })
  }

  /** Claims, and answers all of it. */
  async ask(demand: Partial<Demand> = {}, nonce: Nonce = this.#scene.nonce()): Promise<ExchangeAnswer> {
    const answer = await this.exchange({ nonce, demand: demandOf(10, demand) })
    holds((answer.cursor ?? '').length <= 4_096, 'the cursor is too long')
    holds((answer.turn ?? '').length <= 4_096, 'the turn is too long')
    return answer
  }

  async claim(tasksMax: number, demand: Partial<Demand> = {}): Promise<readonly Claim[]> {
    return (await this.exchange({ demand: demandOf(tasksMax, demand) })).claims
  }

  /** Claims one task, which must be there. */
  async claimOne(demand: Partial<Demand> = {}): Promise<Claim> {
    return only(await this.claim(1, demand), 'the claim')
  }

  /** The next settlement of a claim. */
  settlement(holder: Holder, transition: Transition, notes: Notes | null = null): Settlement {
    const fence = fenceOf(holder)
    const key = `${fence.task} ${fence.epoch} ${fence.nonce}`
    const seq = (this.#seqs.get(key) ?? 0) + 1
    this.#seqs.set(key, seq)
    return { fence, seq, transition, notes }
  }

  async settle(holder: Holder, transition: Transition, notes: Notes | null = null): Promise<Verdict> {
    return this.apply(this.settlement(holder, transition, notes))
  }

  async apply(settlement: Settlement): Promise<Verdict> {
    return only((await this.exchange({ settlements: [settlement] })).verdicts, 'the verdicts')
  }

  /** Applies what may have been applied already. */
  async repeat(settlement: Settlement): Promise<Verdict> {
    const answer = await this.exchange({ settlements: [settlement], again: true })
    return only(answer.verdicts, 'the verdicts')
  }

  /** Settles, which must be accepted. */
  async end(holder: Holder, transition: Transition = succeed()): Promise<void> {
    equal(await this.settle(holder, transition), 'applied', 'the verdict')
  }

  /** The next renewal, which lists nothing unless told otherwise. */
  renew(changes: Partial<RenewRequest> = {}): Promise<RenewAnswer> {
    this.#renewals += 1
    return this.#store.renew({
      session: this.session,
      ttlMs: this.#request.ttlMs,
      seq: this.#renewals,
      held: [],
      awaiting: [],
      ...changes,
    })
  }

  /** A renewal that lists these tasks as started. */
  hold(...holders: readonly Holder[]): Promise<RenewAnswer> {
    return this.renew({ held: holders.map((holder) => ({ fence: fenceOf(holder), started: true })) })
  }

  async reclaim(changes: Partial<ReclaimRequest> = {}): Promise<readonly Reclaimed[]> {
    const request = {
      session: this.session,
      nonce: this.#scene.nonce(),
      again: false,
      tasksMax: 100,
      graceMs: 0,
      ...changes,
    }
    const answer = await this.#store.reclaim(request)
    equal(answer.session, 'alive', 'the reclaiming session')
    return answer.tasks
  }
}

/** As core does it: while they stay the same they are the same arrays. */
const TYPES: readonly string[] = ['work']
const OFFERS: readonly string[] = []

/** Up to so many ordinary tasks, from the top level down. */
export function demandOf(tasksMax: number, changes: Partial<Demand> = {}): Demand {
  return {
    types: TYPES,
    offers: OFFERS,
    queues: [{ queue: 'default', slots: [0, 0, 0, 0, 0], tasksMax }],
    tasksMax,
    quantum: 1,
    bytesMax: BYTES_MAX,
    cursor: null,
    turn: null,
    ...changes,
  }
}

export function fenceOf(holder: Holder): Fence {
  return 'task' in holder ? holder : { task: holder.id, epoch: holder.epoch, nonce: holder.nonce }
}

export function idsOf(claims: readonly Claim[]): readonly TaskId[] {
  return claims.map((claim) => claim.id)
}

export const ERROR = { name: 'Error', message: 'it broke', code: null, stack: null } as const

export function succeed(result: Payload | null = null): Transition {
  return { to: 'succeeded', result }
}

export function retry(delayMs: number | null = 0): Transition {
  return { to: 'pending', count: 'failure', delayMs, error: ERROR }
}

export function crash(
  count: 'crash' | 'isolated-crash' = 'crash',
  delayMs: number | null = null,
): Transition {
  return { to: 'pending', count, delayMs, error: ERROR }
}

export function giveBack(): Transition {
  return { to: 'pending', count: 'return', delayMs: null, error: null }
}

export function snooze(delayMs: number): Transition {
  return { to: 'pending', count: 'snooze', delayMs, error: null }
}

export function fail(count: 'failure' | 'crash' | 'isolated-crash' | 'none' = 'failure'): Transition {
  return { to: 'failed', count, reason: 'error', error: ERROR }
}

export function giveWay(): Transition {
  return { to: 'cancelled', error: null }
}

export function goOn(checkpoint: Payload | null = null): Transition {
  return { to: 'running', checkpoint }
}

/** Notes of a worker: how far it is, and what it says. */
export function notes(fraction: number | null, ...messages: readonly string[]): Notes {
  const progress: Progress | null = fraction === null ? null : { fraction, message: null }
  const logs = messages.map((message, index): LogEntry => ({ at: index, level: 'info', message, data: null }))
  return { progress, logs }
}
