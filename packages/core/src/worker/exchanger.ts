/**
 * The worker's loop: settles what is done and claims what comes next, in one exchange. Any event rings one
 * bell; an exchange leaves when there is something to settle, or room for more and a reason to expect it.
 */
import { codeOf } from '../task/errors.ts'
import { LIMITS } from '../task/limits.ts'
import { newNonce } from '../task/ids.ts'
import { pause } from '../client/repeat.ts'
import { payloadSize } from '../task/codec.ts'
import type { Connection } from '../client/connection.ts'
import type { Demand, ExchangeAnswer, ExchangeRequest, Store } from '../store/port.ts'
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

/** What a worker asks for, but for the places where the store goes on. */
export type Wish = Omit<Demand, 'cursor' | 'turn'>

/** Tasks that exchanges under way may bring. */
export interface Expected {
  readonly tasks: number
  readonly byQueue: ReadonlyMap<string, number>
}

export interface ExchangerParts {
  readonly connection: Connection
  session(): SessionId | null
  /** What the worker can take on top of what is on its way; `null` for nothing. */
  demand(expected: Expected): Wish | null
  /** @param session the one that asked: its lease may be over by now */
  claimed(answer: ExchangeAnswer, session: SessionId): void
  /** The store did not take what was to be written: the task is somebody else's. */
  lost(holding: Holding): void
  dead(session: SessionId): void
  failed(error: unknown): void
}

interface Settling {
  readonly holding: Holding
  readonly settlement: Settlement
}

export class Exchanger {
  readonly #parts: ExchangerParts
  #unsettled = new Set<Holding>()
  /** Nonces of exchanges under way, each with what it may bring. */
  readonly #underWay = new Map<Nonce, Wish | null>()
  #claiming = false
  #ringing = false
  #hungry = true
  /** Whether the last look left something that could have been claimed. */
  #more = false
  /** Whether somebody waits for what is unsettled. */
  #urgent = false
  #timer: Timer | undefined
  /** When the timer fires, by the monotonic clock. */
  #wakeAtMs = Infinity
  #notesTimer: Timer | undefined
  #cursor: { readonly text: string | null; readonly sinceMs: number } = { text: null, sinceMs: 0 }
  #turn: string | null = null
  /** What the last look brought; `unsure` if another was under way, which may have been first at something. */
  #found: 'something' | 'nothing' | 'unsure' = 'something'
  #rest: (() => void) | undefined
  #closed = false

  constructor(parts: ExchangerParts) {
    this.#parts = parts
  }

  /** Exchanges whose answer may still bring tasks. */
  get awaiting(): readonly Nonce[] {
    return [...this.#underWay.keys()]
  }

  /** Whether nothing is left to do, now or in sight. Where that is not sure it looks again. */
  isIdle(): boolean {
    if (this.#hungry || !this.#isResting()) return false
    if (this.#found === 'unsure') this.hungry()
    return this.#found === 'nothing'
  }

  /** Starts or stops claiming; settling goes on in any case. */
  claim(on: boolean): void {
    this.#claiming = on
    if (on) this.hungry()
    else this.#sleep()
  }

  /** There may be something to claim. */
  hungry(): void {
    this.#hungry = true
    this.ring()
  }

  /** There is something to claim for whoever asks in this turn. While an exchange is under way the next one does. */
  askNow(): void {
    this.#hungry = true
    if (this.#underWay.size === 0) this.#pass()
  }

  /** There is something to write about a run. */
  settleSoon(holding: Holding, when: 'now' | 'later'): void {
    this.#unsettled.add(holding)
    if (when === 'now') this.#settleNow()
    else
      this.#notesTimer ??= this.#parts.connection.platform.setTimer(
        NOTES_WAIT_MS,
        () => this.#settleNow(),
        'idle',
      )
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
    if (this.#isResting()) return
    this.#settleNow()
    await new Promise<void>((resolve) => (this.#rest = resolve))
  }

  /** Gives up whatever the store has not answered by now. */
  close(): void {
    this.#closed = true
    this.#sleep()
    this.#notesTimer?.cancel()
  }

  #isResting(): boolean {
    return this.#underWay.size === 0 && this.#unsettled.size === 0
  }

  #settleNow(): void {
    this.#urgent = true
    this.ring()
  }

  #pass(): void {
    while (!this.#closed && this.#underWay.size < EXCHANGES_MAX) {
      const session = this.#parts.session()
      const wish = session === null ? null : this.#takeWish()
      // notes never leave alone before their time
      const settling = wish !== null || this.#urgent ? this.#takeSettlements() : []
      if (settling.length === 0 && wish === null) break
      void this.#exchange(session ?? '', settling, wish)
    }
    if (this.#isResting()) this.#rest?.()
  }

  #takeSettlements(): Settling[] {
    this.#urgent = false
    if (this.#unsettled.size === 0) return []
    this.#notesTimer?.cancel()
    this.#notesTimer = undefined
    const taken: Settling[] = []
    let bytes = 0
    for (const holding of this.#unsettled) {
      if (taken.length === LIMITS.batchTasks || bytes > LIMITS.batchBytes - LIMITS.resultBytes) {
        this.#urgent = true
        break
      }
      this.#unsettled.delete(holding)
      const settlement = holding.takeSettlement()
      if (settlement === null) continue
      taken.push({ holding, settlement })
      bytes += bytesOf(settlement)
    }
    if (this.#unsettled.size === 0) this.#unsettled = new Set() // for the reason that `Roster` gives
    return taken
  }

  #takeWish(): Wish | null {
    if (!this.#claiming || !this.#hungry) return null
    return this.#parts.demand(expectedOf(this.#underWay.values()))
  }

  async #exchange(session: SessionId, settling: readonly Settling[], wish: Wish | null): Promise<void> {
    const nonce = newNonce(this.#parts.connection.platform)
    const alone = this.#underWay.size === 0
    this.#underWay.set(nonce, wish)
    // where the last look left something, the exchange that overlaps takes its share at once
    if (wish !== null) this.#hungry = this.#more
    const answer = await this.#answered({
      session,
      nonce,
      settlements: settling.map(({ settlement }) => settlement),
      demand: wish === null ? null : { ...wish, cursor: this.#startingPoint(), turn: this.#turn },
    })
    if (answer === undefined) return
    this.#underWay.delete(nonce)
    for (const [index, { holding, settlement }] of settling.entries()) {
      holding.settled(settlement, answer.verdicts[index]!)
      if (holding.lost) this.#parts.lost(holding)
      else if (holding.pending) this.settleSoon(holding, holding.urgent ? 'now' : 'later')
    }
    if (wish !== null) this.#heed(session, answer, alone)
    this.ring()
  }

  /** Asks until the store answers: what is to be settled was done, and must not be lost. */
  async #answered(request: Omit<ExchangeRequest, 'again'>): Promise<ExchangeAnswer | undefined> {
    const { connection } = this.#parts
    for (let again = false; !this.#closed; again = true) {
      try {
        const exchange = (store: Store, repeated: boolean): Promise<ExchangeAnswer> =>
          store.exchange({ ...request, again: again || repeated })
        return await connection.call(exchange, 'insists')
      } catch (error) {
        if (codeOf(error) === 'closed') return undefined
        this.#parts.failed(error)
        await pause(connection.platform, FAILURE_WAIT_MS)
      }
    }
    return undefined
  }

  #heed(session: SessionId, answer: ExchangeAnswer, alone: boolean): void {
    if (answer.session === 'dead') return this.#parts.dead(session)
    if (answer.cursor !== this.#cursor.text) {
      const sinceMs =
        this.#cursor.text === null ? this.#parts.connection.platform.monotonicMs() : this.#cursor.sinceMs
      this.#cursor = { text: answer.cursor, sinceMs }
    }
    if (answer.turn !== null) this.#turn = answer.turn
    const nothing = answer.claims.length === 0 && answer.nextInMs === null && !answer.undelivered
    this.#found = nothing ? (alone ? 'nothing' : 'unsure') : 'something'
    this.#more = answer.nextInMs === 0
    if (this.#more) this.#hungry = true
    else if (this.#claiming) this.#wakeIn(Math.min(answer.nextInMs ?? IDLE_POLL_MS, IDLE_POLL_MS))
    this.#parts.claimed(answer, session)
  }

  /** The earliest reason to wake stands: another answer may have been about other queues. */
  #wakeIn(ms: number): void {
    const { platform } = this.#parts.connection
    const atMs = platform.monotonicMs() + ms
    if (atMs >= this.#wakeAtMs) return
    this.#sleep()
    this.#wakeAtMs = atMs
    const wake = (): void => {
      this.#wakeAtMs = Infinity
      this.hungry()
    }
    this.#timer = platform.setTimer(ms, wake, 'holds')
  }

  #sleep(): void {
    this.#timer?.cancel()
    this.#wakeAtMs = Infinity
  }

  #startingPoint(): string | null {
    const { text, sinceMs } = this.#cursor
    if (text === null || this.#parts.connection.platform.monotonicMs() - sinceMs < CURSOR_MS) return text
    this.#cursor = { text: null, sinceMs: 0 }
    return null
  }
}

function expectedOf(wishes: Iterable<Wish | null>): Expected {
  let tasks = 0
  const byQueue = new Map<string, number>()
  for (const wish of wishes) {
    if (wish === null) continue
    tasks += wish.tasksMax
    for (const { queue, tasksMax } of wish.queues) byQueue.set(queue, (byQueue.get(queue) ?? 0) + tasksMax)
  }
  return { tasks, byQueue }
}

/** Results and checkpoints; the rest is small. */
function bytesOf({ transition }: Settlement): number {
  if (transition.to === 'succeeded') return payloadSize(transition.result)
  return transition.to === 'running' ? payloadSize(transition.checkpoint) : 0
}
