/**
 * The worker's session: its lease in the store, kept up by renewals. The worker distrusts itself first: once
 * a lease may have lapsed, by either of its clocks, it counts as lost before anybody can take it.
 */
import { IdMaker } from '../task/ids.ts'
import type { Connection } from '../client/connection.ts'
import type { SessionId } from '../store/records.ts'
import type { RenewAnswer, RenewRequest, SessionRequest } from '../store/port.ts'
import type { Timer } from '../platform/platform.ts'

/** The part of a lease's time that is not trusted. */
const MARGIN = 0.1

/** A renewal that failed is tried again after this part of a lease's time. */
const RETRY = 1 / 15

export interface LeaseParts {
  readonly connection: Connection
  readonly ttlMs: number
  /** What the session says of its worker. */
  readonly profile: Omit<SessionRequest, 'session' | 'ttlMs'>
  /** What the next renewal lists. */
  holdings(): Pick<RenewRequest, 'held' | 'awaiting'>
  renewed(answer: RenewAnswer): void
  /** The lease is lost, and all that was held under it. */
  lapsed(): void
  /** A session is open: at first, and again after one was lost. */
  opened(): void
  failed(error: unknown): void
}

export class Lease {
  readonly #parts: LeaseParts
  readonly #ids: IdMaker
  #session: SessionId | null = null
  #seq = 0
  /** Start of the last renewal that was answered, by both clocks. */
  #renewedAt = { monotonicMs: 0, wallMs: 0 }
  #timer: Timer | undefined
  /** Fires when the lease cannot be trusted any longer. */
  #guard: Timer | undefined
  #beating: Promise<void> | undefined
  /** A beat was asked for while one was under way. */
  #beatAgain = false
  #stopped = false

  constructor(parts: LeaseParts) {
    this.#parts = parts
    this.#ids = new IdMaker(parts.connection.platform)
  }

  /** The session, while its lease can be trusted; `null` in between. */
  get session(): SessionId | null {
    this.check()
    return this.#session
  }

  /** Loses the lease if it cannot be trusted any longer. */
  check(): void {
    if (this.#session !== null && this.#leftMs() <= 0) this.#lose()
  }

  /** Opens a session and keeps it up until `close`. */
  async open(): Promise<void> {
    await this.#openSession()
    this.#beatLater(this.#parts.ttlMs / 3)
  }

  /** Renews now: something may be waiting to be heard. */
  renewNow(): void {
    this.#beatLater(0)
  }

  /** The store says that this session is dead. */
  lost(session: SessionId): void {
    if (this.#session === session) this.#lose()
  }

  /** Gives the lease back: what is still held lapses at once. Never rejects: without it, it lapses in its time. */
  async close(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#beating
    this.#guard?.cancel()
    const session = this.#session
    this.#session = null
    if (session === null) return
    try {
      await this.#parts.connection.call((store) => store.closeSession(session), 'insists')
    } catch (error) {
      this.#parts.failed(error)
    }
  }

  async #openSession(): Promise<void> {
    const { connection, ttlMs, profile } = this.#parts
    const session = this.#ids.next()
    const startedAt = this.#clocks()
    const request = { ...profile, session, ttlMs }
    const answer = await connection.call((store) => store.openSession(request), 'insists')
    if (answer.session === 'dead') return
    this.#session = session
    this.#seq = 0
    this.#trustFrom(startedAt)
    if (!this.#stopped) this.#parts.opened()
  }

  #beatLater(delayMs: number): void {
    this.#timer?.cancel()
    if (!this.#stopped)
      this.#timer = this.#parts.connection.platform.setTimer(delayMs, () => this.#beat(), 'holds')
  }

  #beat(): void {
    if (this.#beating !== undefined) {
      this.#beatAgain = true
      return
    }
    const beating: Promise<void> = this.#renewOrOpen().then(
      () => this.#beaten(beating, this.#parts.ttlMs / 3),
      (error: unknown) => {
        this.#parts.failed(error)
        this.#beaten(beating, this.#parts.ttlMs * RETRY)
      },
    )
    this.#beating = beating
  }

  /** Comes too late for a lease that was lost meanwhile: then the next beat is on its way already. */
  #beaten(beating: Promise<void>, nextInMs: number): void {
    if (this.#beating !== beating) return
    this.#beating = undefined
    this.#beatLater(this.#beatAgain ? 0 : nextInMs)
    this.#beatAgain = false
  }

  async #renewOrOpen(): Promise<void> {
    const { session } = this
    if (session === null) return this.#openSession()
    const startedAt = this.#clocks()
    const request = { session, ttlMs: this.#parts.ttlMs, seq: ++this.#seq, ...this.#parts.holdings() }
    // not repeated: each try has a number of its own, and lists what is held by then
    const answer = await this.#parts.connection.store.renew(request)
    if (this.#session !== session) return
    if (answer.session === 'dead') return this.#lose()
    this.#trustFrom(startedAt)
    this.#parts.renewed(answer)
  }

  /** A renewal that is still under way is not waited for: it is a renewal of what is lost. */
  #lose(): void {
    this.#session = null
    this.#guard?.cancel()
    this.#beating = undefined
    this.#beatAgain = false
    this.renewNow()
    this.#parts.lapsed()
  }

  #trustFrom(startedAt: { readonly monotonicMs: number; readonly wallMs: number }): void {
    this.#renewedAt = startedAt
    this.#watch()
  }

  #watch(): void {
    this.#guard?.cancel()
    const watch = (): void => {
      this.check()
      if (this.#session !== null) this.#watch()
    }
    this.#guard = this.#parts.connection.platform.setTimer(Math.max(this.#leftMs(), 1), watch, 'idle')
  }

  /** How long the lease can still be trusted. A machine that slept stops the first clock, so both are asked. */
  #leftMs(): number {
    const now = this.#clocks()
    const passedMs = Math.max(
      now.monotonicMs - this.#renewedAt.monotonicMs,
      now.wallMs - this.#renewedAt.wallMs,
    )
    return this.#parts.ttlMs * (1 - MARGIN) - passedMs
  }

  #clocks(): { readonly monotonicMs: number; readonly wallMs: number } {
    const { platform } = this.#parts.connection
    return { monotonicMs: platform.monotonicMs(), wallMs: platform.wallMs() }
  }
}
