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

/** A renewal that failed is tried again so soon. */
const RETRY_MS = 200

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
  #renewing: Promise<void> | undefined
  #stopped = false

  constructor(parts: LeaseParts) {
    this.#parts = parts
    this.#ids = new IdMaker(parts.connection.platform)
  }

  /** The session, while its lease can be trusted; `null` in between. */
  get session(): SessionId | null {
    if (this.#session !== null && this.#leftMs() <= 0) this.#lose()
    return this.#session
  }

  /** Opens a session and keeps it up until `close`. */
  async open(): Promise<void> {
    await this.#openSession()
    this.#renewLater(this.#parts.ttlMs / 3)
  }

  /** Renews now: something may be waiting to be heard. */
  renewNow(): void {
    if (!this.#stopped) this.#renewLater(0)
  }

  /** The store says that this session is dead. */
  lost(session: SessionId): void {
    if (this.#session === session) this.#lose()
  }

  /** Gives the lease back: what is still held lapses at once. */
  async close(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#renewing
    const session = this.#session
    this.#session = null
    if (session !== null) await this.#parts.connection.call((store) => store.closeSession(session))
  }

  async #openSession(): Promise<void> {
    const { connection, ttlMs, profile } = this.#parts
    const session = this.#ids.next()
    const startedAt = this.#clocks()
    const answer = await connection.call((store) => store.openSession({ ...profile, session, ttlMs }))
    if (answer.session === 'dead' || this.#stopped) return
    this.#session = session
    this.#seq = 0
    this.#renewedAt = startedAt
    this.#parts.opened()
  }

  #renewLater(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#parts.connection.platform.setTimer(delayMs, () => this.#beat(), 'holds')
  }

  #beat(): void {
    if (this.#renewing !== undefined || this.#stopped) return
    this.#renewing = this.#renewOrOpen()
      .then(
        () => this.#renewLater(this.#parts.ttlMs / 3),
        (error: unknown) => {
          this.#parts.failed(error)
          this.#renewLater(RETRY_MS)
        },
      )
      .finally(() => {
        this.#renewing = undefined
        if (this.#stopped) this.#timer?.cancel()
      })
  }

  async #renewOrOpen(): Promise<void> {
    const { session } = this
    if (session === null) return this.#openSession()
    const startedAt = this.#clocks()
    const request = { session, ttlMs: this.#parts.ttlMs, seq: ++this.#seq, ...this.#parts.holdings() }
    // not repeated: each try has a number of its own, and lists what is held by then
    const answer = await this.#parts.connection.store.renew(request)
    if (this.#session !== session) return
    if (answer.session === 'dead') {
      this.#lose()
      return this.#openSession()
    }
    this.#renewedAt = startedAt
    this.#parts.renewed(answer)
  }

  #lose(): void {
    this.#session = null
    this.#parts.lapsed()
    this.renewNow()
  }

  /** How long the lease can still be trusted. A machine that slept stops the first clock, so both are asked. */
  #leftMs(): number {
    const now = this.#clocks()
    const passedMs = Math.max(now.monotonicMs - this.#renewedAt.monotonicMs, now.wallMs - this.#renewedAt.wallMs)
    return this.#parts.ttlMs * (1 - MARGIN) - passedMs
  }

  #clocks(): { readonly monotonicMs: number; readonly wallMs: number } {
    const { platform } = this.#parts.connection
    return { monotonicMs: platform.monotonicMs(), wallMs: platform.wallMs() }
  }
}
