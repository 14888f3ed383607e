/**
 * The worker's session: its lease in the store, kept up by a heart. The worker distrusts itself first: once a lease
 * may have lapsed, by either of its clocks, it counts as lost before anybody can take it; and so it does when the
 * heart is gone.
 */
import { IdMaker } from '../task/ids.ts'
import { Heartbeat } from '../heart/heartbeat.ts'
import { RETRY, type Life, type Progress } from '../heart/heart.ts'
import { Pulse, type Moment } from '../heart/pulse.ts'
import type { Connection } from '../client/connection.ts'
import type { SessionId } from '../store/records.ts'
import type { RenewAnswer, SessionRequest } from '../store/port.ts'
import type { Timer } from '../platform/platform.ts'

/** The part of a lease's time that is not trusted. */
const MARGIN = 0.1

export interface LeaseParts {
  readonly connection: Connection
  readonly ttlMs: number
  /** How long the main thread may be blocked before the lease is left to lapse. */
  readonly maxBlockMs: number
  /** What the session says of its worker, at any moment. */
  readonly profile: Omit<SessionRequest, 'session' | 'ttlMs'>
  /** What the next renewal lists. */
  holdings(): Progress
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
  readonly #heart: Heartbeat
  #life: Life | undefined
  #opening: Promise<void> | undefined
  #publishing: Promise<void> | undefined
  /** Until another session is opened. */
  #reopening: Timer | undefined
  /** Fires when the lease cannot be trusted any longer. */
  #guard: Timer | undefined
  #maxBlockMs: number
  #stopped = false

  constructor(parts: LeaseParts) {
    this.#parts = parts
    this.#maxBlockMs = parts.maxBlockMs
    this.#ids = new IdMaker(parts.connection.platform)
    this.#heart = this.#newHeart()
  }

  /** The session, while its lease can be trusted; `null` in between. */
  get session(): SessionId | null {
    this.check()
    return this.#life?.session ?? null
  }

  /** When the lease was renewed or opened last, by the wall clock; `null`: there is none that can be trusted. */
  get renewedAtMs(): number | null {
    this.check()
    return this.#life?.pulse.renewedAt.wallMs ?? null
  }

  /** Hears what the heart has to tell, also in the middle of a handler; loses the lease if it cannot be trusted any longer. */
  check(): void {
    if (this.#life === undefined) return
    this.#heart.hear()
    this.#checkTrust()
  }

  /** Opens a session and keeps it up until `close`. */
  async open(): Promise<void> {
    await this.#open()
  }

  /** There is work, which may block this thread. */
  expectWork(): void {
    this.#heart.expectWork()
  }

  /** Renews now: something may be waiting to be heard. */
  renewNow(): void {
    if (this.#life !== undefined) this.#heart.beatNow()
  }

  /** Says anew what the worker is: that has changed. */
  publish(): void {
    const { session } = this
    if (session === null || this.#stopped) return
    const { connection, ttlMs, profile } = this.#parts
    const request = { ...profile, session, ttlMs }
    this.#publishing = connection
      .call((store) => store.openSession(request), 'insists')
      .then((answer) => (answer.session === 'dead' ? this.lost(session) : undefined))
      .catch((error: unknown) => this.#parts.failed(error))
  }

  /** The store says that this session is dead. */
  lost(session: SessionId): void {
    if (this.#life?.session === session) this.#lose()
  }

  /** From now on the main thread may be blocked for so long. */
  allowBlock(ms: number): void {
    this.#maxBlockMs = ms
    if (this.#life !== undefined) this.#life.pulse.maxBlockMs = ms
  }

  /** Gives the lease back: what is still held lapses at once. Never rejects: without it, it lapses in its time. */
  async close(): Promise<void> {
    this.#stopped = true
    this.#reopening?.cancel()
    await this.#opening
    await this.#publishing
    const life = this.#life
    this.#life = undefined
    this.#guard?.cancel()
    await Promise.all([
      this.#heart.close(),
      life === undefined ? undefined : this.#closeSession(life.session),
    ])
  }

  async #closeSession(session: SessionId): Promise<void> {
    try {
      await this.#parts.connection.call((store) => store.closeSession(session), 'insists')
    } catch (error) {
      this.#parts.failed(error)
    }
  }

  async #open(): Promise<void> {
    const { connection, ttlMs, profile } = this.#parts
    const session = this.#ids.next()
    const startedAt = this.#now()
    const request = { ...profile, session, ttlMs }
    const answer = await connection.call((store) => store.openSession(request), 'insists')
    if (answer.session === 'dead') return this.#reopenIn(ttlMs / 3)
    const pulse = new Pulse()
    pulse.renewedAt = startedAt
    pulse.maxBlockMs = this.#maxBlockMs
    this.#life = { session, ttlMs, pulse }
    this.#heart.begin(this.#life)
    this.#watch()
    if (!this.#stopped) this.#parts.opened()
  }

  #newHeart(): Heartbeat {
    return new Heartbeat(this.#parts.connection, {
      progress: () => {
        this.#checkTrust()
        return this.#life === undefined ? undefined : this.#parts.holdings()
      },
      renewed: (session, answer) => this.#renewed(session, answer),
      failed: (session, error) => {
        if (this.#life?.session === session) this.#parts.failed(error)
      },
      died: (error) => this.#died(error),
    })
  }

  #renewed(session: SessionId, answer: RenewAnswer): void {
    if (this.#life?.session !== session) return
    if (answer.session === 'dead') return this.#lose()
    this.#watch()
    this.#parts.renewed(answer)
  }

  /** What it did last nobody knows: the lease is given up before it lapses. */
  #died(error: Error): void {
    this.#parts.failed(error)
    if (this.#life !== undefined) this.#lose()
  }

  #lose(): void {
    this.#life = undefined
    this.#guard?.cancel()
    this.#heart.end()
    this.#reopenIn(0)
    this.#parts.lapsed()
  }

  #reopenIn(ms: number): void {
    this.#reopening?.cancel()
    if (!this.#stopped)
      this.#reopening = this.#parts.connection.platform.setTimer(ms, () => this.#reopen(), 'holds')
  }

  #reopen(): void {
    this.#opening = this.#open().catch((error: unknown) => {
      this.#parts.failed(error)
      this.#reopenIn(this.#parts.ttlMs * RETRY)
    })
  }

  #checkTrust(): void {
    if (this.#life !== undefined && this.#leftMs(this.#life) <= 0) this.#lose()
  }

  #watch(): void {
    this.#guard?.cancel()
    if (this.#life === undefined) return
    const watch = (): void => {
      this.check()
      this.#watch()
    }
    const leftMs = Math.max(this.#leftMs(this.#life), 1)
    this.#guard = this.#parts.connection.platform.setTimer(leftMs, watch, 'idle')
  }

  /** How long the lease can still be trusted. A machine that slept stops the first clock, so both are asked. */
  #leftMs({ ttlMs, pulse }: Life): number {
    const now = this.#now()
    const { renewedAt } = pulse
    const passedMs = Math.max(now.monotonicMs - renewedAt.monotonicMs, now.wallMs - renewedAt.wallMs)
    return ttlMs * (1 - MARGIN) - passedMs
  }

  #now(): Moment {
    const { platform } = this.#parts.connection
    return { monotonicMs: platform.monotonicMs(), wallMs: platform.wallMs() }
  }
}
