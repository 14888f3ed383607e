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

/** What exchanges under way may bring, in slots. */
/** Settles between two sessions: it has to be an id, and is nobody's. */
const NOBODY = '00000000-0000-0000-0000-000000000000'

export interface Expected {
  readonly slots: number
  readonly byQueue: ReadonlyMap<string, number>
  /** Tasks of the same taste. */
  readonly own: number
}

/** Tasks that are asked for together: those that take a slot each, or those that one batch handler gathers. */
export interface Taste {
  /** How many of them share a slot at most. */
  readonly size: number
  /** What the worker can take on top of what is on its way; `null` for nothing. */
  demand(expected: Expected): Wish | null
}

export interface ExchangerParts {
  readonly connection: Connection
  session(): SessionId | null
  readonly tastes: readonly Taste[]
  /** @param session the one that asked: its lease may be over by now */
  claimed(answer: ExchangeAnswer, session: SessionId): void
  /** The store has answered an exchange. */
  exchanged(): void
  /** The store did not take what was to be written: the task is somebody else's. */
  lost(holding: Holding): void
  dead(session: SessionId): void
  failed(error: unknown): void
}

interface Settling {
  readonly holding: Holding
  readonly settlement: Settlement
}

/** What is known about the tasks of one taste. */
interface Hunger {
  readonly taste: Taste
  hungry: boolean
  /** Whether the last look left something that could have been claimed. */
  more: boolean
  cursor: { readonly text: string | null; readonly sinceMs: number }
  /** Whose turn it is among the partitions, as the store said last. */
  turn: string | null
  /** What the last look brought; `unsure` if another was under way, which may have been first at something. */
  found: 'something' | 'nothing' | 'unsure'
}

/** A look at the store for tasks of one taste. */
interface Look {
  readonly of: Hunger
  readonly wish: Wish
}

export class Exchanger {
  readonly #parts: ExchangerParts
  #unsettled = new Set<Holding>()
  /** Nonces of exchanges under way, each with what it may bring. */
  readonly #underWay = new Map<Nonce, { readonly look: Look | null; readonly settles: boolean }>()
  readonly #hungers: Hunger[]
  #claiming = false
  #ringing = false
  /** Whether somebody waits for what is unsettled. */
  #urgent = false
  #timer: Timer | undefined
  /** When the timer fires, by the monotonic clock. */
  #wakeAtMs = Infinity
  #notesTimer: Timer | undefined
  #rest: (() => void) | undefined
  #closed = false

  constructor(parts: ExchangerParts) {
    this.#parts = parts
    this.#hungers = parts.tastes.map((taste) => ({
      taste,
      hungry: true,
      more: false,
      cursor: { text: null, sinceMs: 0 },
      turn: null,
      found: 'something',
    }))
  }

  /** Exchanges whose answer may still bring tasks. */
  get awaiting(): readonly Nonce[] {
    return [...this.#underWay.keys()]
  }

  /** Whether nothing is left to do, now or in sight. Where that is not sure it looks again. */
  isIdle(): boolean {
    if (this.#hungers.some(({ hungry }) => hungry) || !this.#isResting()) return false
    if (this.#hungers.some(({ found }) => found === 'unsure')) this.hungry()
    return this.#hungers.every(({ found }) => found === 'nothing')
  }

  /** Starts or stops claiming; settling goes on in any case. */
  claim(on: boolean): void {
    this.#claiming = on
    if (on) this.hungry()
    else this.#sleep()
  }

  /** There may be something to claim. */
  hungry(): void {
    this.#starve()
    this.ring()
  }

  /** There is something to claim for whoever asks in this turn. While an exchange is under way the next one does. */
  askNow(): void {
    this.#starve()
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

  #starve(): void {
    for (const hunger of this.#hungers) hunger.hungry = true
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
      const look = session === null ? null : this.#takeLook()
      // notes never leave alone before their time
      const settling = look !== null || this.#urgent ? this.#takeSettlements() : []
      if (settling.length === 0 && look === null) break
      void this.#exchange(session ?? NOBODY, settling, look)
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

  /** Tastes take turns, so that a slot that becomes free is not always given to the same. */
  #takeLook(): Look | null {
    if (!this.#claiming) return null
    for (const of of this.#hungers) {
      if (!of.hungry) continue
      const wish = of.taste.demand(this.#expected(of))
      if (wish === null) continue
      this.#hungers.push(...this.#hungers.splice(this.#hungers.indexOf(of), 1))
      return { of, wish }
    }
    return null
  }

  async #exchange(session: SessionId, settling: readonly Settling[], look: Look | null): Promise<void> {
    const nonce = newNonce(this.#parts.connection.platform)
    const alone = this.#isAlone(look)
    this.#underWay.set(nonce, { look, settles: settling.length > 0 })
    // where the last look left something, the exchange that overlaps takes its share at once
    if (look !== null) look.of.hungry = look.of.more
    const answer = await this.#answered({
      session,
      nonce,
      settlements: settling.map(({ settlement }) => settlement),
      demand:
        look === null ? null : { ...look.wish, cursor: this.#startingPoint(look.of), turn: look.of.turn },
    })
    if (answer === undefined) return
    this.#parts.exchanged()
    this.#underWay.delete(nonce)
    for (const [index, { holding, settlement }] of settling.entries()) {
      holding.settled(settlement, answer.verdicts[index]!)
      if (holding.lost) this.#parts.lost(holding)
      else if (holding.pending) this.settleSoon(holding, holding.urgent ? 'now' : 'later')
    }
    if (look !== null) this.#heed(session, answer, { of: look.of, alone })
    this.ring()
  }

  /** Whether no exchange under way could be first at what this one looks for. */
  #isAlone(look: Look | null): boolean {
    for (const other of this.#underWay.values())
      if (other.settles || other.look === null || other.look.of === look?.of) return false
    return true
  }

  #expected(of: Hunger): Expected {
    let slots = 0
    let own = 0
    const byQueue = new Map<string, number>()
    for (const { look } of this.#underWay.values()) {
      if (look === null) continue
      const { size } = look.of.taste
      slots += Math.ceil(look.wish.tasksMax / size)
      if (look.of === of) own += look.wish.tasksMax
      for (const { queue, tasksMax } of look.wish.queues)
        byQueue.set(queue, (byQueue.get(queue) ?? 0) + Math.ceil(tasksMax / size))
    }
    return { slots, byQueue, own }
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

  #heed(
    session: SessionId,
    answer: ExchangeAnswer,
    { of, alone }: { readonly of: Hunger; readonly alone: boolean },
  ): void {
    if (answer.session === 'dead') return this.#parts.dead(session)
    if (answer.cursor !== of.cursor.text) {
      const sinceMs =
        of.cursor.text === null ? this.#parts.connection.platform.monotonicMs() : of.cursor.sinceMs
      of.cursor = { text: answer.cursor, sinceMs }
    }
    if (answer.turn !== null) of.turn = answer.turn
    const nothing = answer.claims.length === 0 && answer.nextInMs === null && !answer.undelivered
    of.found = nothing ? (alone ? 'nothing' : 'unsure') : 'something'
    of.more = answer.nextInMs === 0
    if (of.more) of.hungry = true
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

  #startingPoint(of: Hunger): string | null {
    const { text, sinceMs } = of.cursor
    if (text === null || this.#parts.connection.platform.monotonicMs() - sinceMs < CURSOR_MS) return text
    of.cursor = { text: null, sinceMs: 0 }
    return null
  }
}

/** Results and checkpoints; the rest is small. */
function bytesOf({ transition }: Settlement): number {
  if (transition.to === 'succeeded') return payloadSize(transition.result)
  return transition.to === 'running' ? payloadSize(transition.checkpoint) : 0
}
