/**
 * The worker's loop: settles what is done and claims what comes next, in one exchange. Any event rings one
 * bell; an exchange leaves when there is something to settle, or room for more and a reason to expect it.
 */
import { LIMITS } from '../task/limits.ts'
import { newNonce } from '../task/ids.ts'
import type { Connection } from '../client/connection.ts'
import type { Demand, ExchangeAnswer } from '../store/port.ts'
import type { Nonce, SessionId } from '../store/records.ts'
import type { Settlement } from '../store/settlement.ts'
import type { Timer } from '../platform/platform.ts'
import type { Holding } from './holding.ts'

/** While the store works on one exchange the next may already be on its way. */
const EXCHANGES_MAX = 2

/** Progress and logs wait so long for an exchange that leaves anyway. */
const NOTES_WAIT_MS = 250

/** A worker with room asks at least so often, whatever the hints say. */
const IDLE_POLL_MS = 2_000

/** After an exchange that the store refused. */
const FAILURE_WAIT_MS = 500

/** A claim starts at the front at least so often, so that nothing stays behind the cursor. */
const CURSOR_MS = 1_000

export interface ExchangerParts {
  readonly connection: Connection
  session(): SessionId | null
  /** What the worker can take on top of what is on its way; `null` for nothing. */
  demand(expected: ReadonlyMap<string, number>): Omit<Demand, 'cursor'> | null
  claimed(answer: ExchangeAnswer): void
  dead(session: SessionId): void
  failed(error: unknown): void
}

interface Settling {
  readonly holding: Holding
  readonly settlement: Settlement
}

export class Exchanger {
  readonly #parts: ExchangerParts
  readonly #unsettled = new Set<Holding>()
  /** Nonces of exchanges under way, each with what it may bring, by queue. */
  readonly #underWay = new Map<Nonce, ReadonlyMap<string, number>>()
  #claiming = false
  #ringing = false
  #hungry = true
  #timer: Timer | undefined
  #notesTimer: Timer | undefined
  #cursor: { readonly text: string | null; readonly sinceMs: number } = { text: null, sinceMs: 0 }
  #rest: (() => void) | undefined

  constructor(parts: ExchangerParts) {
    this.#parts = parts
  }

  /** Exchanges whose answer may still bring tasks. */
  get awaiting(): readonly Nonce[] {
    return [...this.#underWay.keys()]
  }

  /** Whether the last claim found nothing, now or in sight. */
  idle = false

  /** Starts or stops claiming; settling goes on in any case. */
  claim(on: boolean): void {
    this.#claiming = on
    if (on) this.hungry()
    else this.#timer?.cancel()
  }

  /** There may be something to claim. */
  hungry(): void {
    this.#hungry = true
    this.ring()
  }

  /** There is something to write about a run. */
  settleSoon(holding: Holding, when: 'now' | 'later'): void {
    this.#unsettled.add(holding)
    if (when === 'now') this.ring()
    else this.#notesTimer ??= this.#parts.connection.platform.setTimer(NOTES_WAIT_MS, () => this.ring(), 'idle')
  }

  ring(): void {
    if (this.#ringing) return
    this.#ringing = true
    this.#parts.connection.platform.soon(() => {
      this.#ringing = false
      this.#pass()
    })
  }

  /** Resolves when nothing is under way and nothing is left to settle. */
  async rest(): Promise<void> {
    if (this.#resting()) return
    this.ring()
    await new Promise<void>((resolve) => (this.#rest = resolve))
  }

  #resting(): boolean {
    return this.#underWay.size === 0 && this.#unsettled.size === 0
  }

  #pass(): void {
    while (this.#underWay.size < EXCHANGES_MAX) {
      const session = this.#parts.session()
      const settling = this.#takeSettlements()
      const demand = session === null ? null : this.#takeDemand()
      if (settling.length === 0 && demand === null) break
      void this.#exchange(session ?? '', settling, demand)
    }
    if (this.#resting()) this.#rest?.()
  }

  #takeSettlements(): Settling[] {
    if (this.#unsettled.size === 0) return []
    this.#notesTimer?.cancel()
    this.#notesTimer = undefined
    const taken: Settling[] = []
    for (const holding of this.#unsettled) {
      const settlement = holding.takeSettlement()
      if (settlement !== null) taken.push({ holding, settlement })
      this.#unsettled.delete(holding)
      if (taken.length === LIMITS.batchTasks) break
    }
    return taken
  }

  #takeDemand(): Omit<Demand, 'cursor'> | null {
    if (!this.#claiming || !this.#hungry) return null
    return this.#parts.demand(this.#expected())
  }

  /** What is on its way already, by queue. */
  #expected(): Map<string, number> {
    const expected = new Map<string, number>()
    for (const queues of this.#underWay.values()) {
      for (const [queue, tasks] of queues) expected.set(queue, (expected.get(queue) ?? 0) + tasks)
    }
    return expected
  }

  async #exchange(
    session: SessionId,
    settling: readonly Settling[],
    demand: Omit<Demand, 'cursor'> | null,
  ): Promise<void> {
    const { connection } = this.#parts
    const nonce = newNonce(connection.platform)
    this.#underWay.set(nonce, expectedOf(demand))
    if (demand !== null) this.#hungry = false
    const request = {
      session,
      nonce,
      settlements: settling.map(({ settlement }) => settlement),
      demand: demand === null ? null : { ...demand, cursor: this.#startingPoint() },
    }
    let answer: ExchangeAnswer | undefined
    for (let again = false; answer === undefined; again = true) {
      try {
        answer = await connection.call((store, repeated) => store.exchange({ ...request, again: again || repeated }))
      } catch (error) {
        this.#parts.failed(error)
        await new Promise<void>((resolve) => connection.platform.setTimer(FAILURE_WAIT_MS, resolve, 'holds'))
      }
    }
    this.#underWay.delete(nonce)
    for (const [index, { holding, settlement }] of settling.entries()) {
      holding.settled(settlement, answer.verdicts[index]!)
      if (holding.pending) this.#unsettled.add(holding)
    }
    if (demand !== null) this.#heed(session, answer)
    this.ring()
  }

  #heed(session: SessionId, answer: ExchangeAnswer): void {
    if (answer.session === 'dead') return this.#parts.dead(session)
    if (answer.cursor !== this.#cursor.text) {
      const sinceMs = this.#cursor.text === null ? this.#parts.connection.platform.monotonicMs() : this.#cursor.sinceMs
      this.#cursor = { text: answer.cursor, sinceMs }
    }
    this.idle = answer.claims.length === 0 && answer.nextInMs === null
    this.#timer?.cancel()
    if (answer.nextInMs === 0) this.#hungry = true
    else {
      const waitMs = Math.min(answer.nextInMs ?? IDLE_POLL_MS, IDLE_POLL_MS)
      if (this.#claiming) this.#timer = this.#parts.connection.platform.setTimer(waitMs, () => this.hungry(), 'holds')
    }
    this.#parts.claimed(answer)
  }

  #startingPoint(): string | null {
    const { text, sinceMs } = this.#cursor
    if (text === null || this.#parts.connection.platform.monotonicMs() - sinceMs < CURSOR_MS) return text
    this.#cursor = { text: null, sinceMs: 0 }
    return null
  }
}

function expectedOf(demand: Omit<Demand, 'cursor'> | null): ReadonlyMap<string, number> {
  return new Map(demand?.queues.map(({ queue, tasksMax }) => [queue, tasksMax]))
}
