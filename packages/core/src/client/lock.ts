/** A lock that this client holds, for as long as it can renew its lease. */
import { AbortError } from '../worker/run.ts'
import type { Connection } from './connection.ts'
import type { Timer } from '../platform/platform.ts'
import type { LockRequest } from '../store/locks.ts'

/** This part of a lease is not trusted: clocks differ, and whoever acts on it needs a moment. */
const MARGIN = 0.1
/** A renewal that failed is tried again after this part of the lease. */
const RETRY = 0.1

export interface LockParts {
  readonly connection: Connection
  readonly request: LockRequest
  readonly token: number
  /** When the request left that began the lease. */
  readonly since: Clocks
  /** Called once, when it is held no more. */
  readonly ended: (lock: Lock) => void
}

export interface Clocks {
  readonly monotonicMs: number
  readonly wallMs: number
}

export function clocksOf({ platform }: Connection): Clocks {
  return { monotonicMs: platform.monotonicMs(), wallMs: platform.wallMs() }
}

/**
 * A lock. `await using lock = await mill.lock(…)` gives it back at the end of the block.
 *
 * A lease can be lost without this process knowing in time: hand `token` to what you protect, and let it refuse smaller ones.
 */
export class Lock implements AsyncDisposable {
  readonly name: string
  /** Larger than that of whoever held any lock of this store before. */
  readonly token: number
  readonly #parts: LockParts
  readonly #abort = new AbortController()
  #since: Clocks
  #timer: Timer | undefined
  #guard: Timer | undefined
  #ended = false
  #renewing: Promise<void> | undefined

  constructor(parts: LockParts) {
    this.name = parts.request.name
    this.token = parts.token
    this.#parts = parts
    this.#since = parts.since
    this.#renewIn(parts.request.ttlMs / 3)
    this.#watch()
  }

  /** Aborted when the lease is lost. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** @throws AbortError with the code `fenced` if the lease is known to be lost */
  throwIfLost(): void {
    if (!this.#ended && this.#leftMs() <= 0) this.#lose()
    this.#abort.signal.throwIfAborted()
  }

  /** Gives it back. Without the store it lapses in its time, and this rejects. */
  async release(): Promise<void> {
    if (this.#ended) return
    this.#end()
    await this.#renewing
    const { connection, request } = this.#parts
    await connection.call((store) => store.releaseLock(request))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }

  #renewIn(delayMs: number): void {
    if (this.#ended) return
    const { platform } = this.#parts.connection
    this.#timer = platform.setTimer(
      delayMs,
      () => {
        this.#renewing = this.#renew()
      },
      'idle',
    )
  }

  async #renew(): Promise<void> {
    const { connection, request } = this.#parts
    const since = clocksOf(connection)
    let nextInMs = request.ttlMs / 3
    try {
      const answer = await connection.call((store) => store.renewLock(request))
      if (answer === 'lost') this.#lose()
      else this.#since = since
    } catch (error) {
      connection.logger.warn({ err: error, lock: this.name }, 'a lock could not be renewed')
      nextInMs = request.ttlMs * RETRY
    }
    this.#renewIn(nextInMs)
  }

  #watch(): void {
    if (this.#ended) return
    const left = this.#leftMs()
    if (left <= 0) return this.#lose()
    this.#guard = this.#parts.connection.platform.setTimer(Math.max(left, 1), () => this.#watch(), 'idle')
  }

  #lose(): void {
    if (this.#ended) return
    this.#end()
    this.#abort.abort(
      new AbortError('lost', `The lease of the lock ${this.name} was lost: somebody else may hold it.`),
    )
  }

  #end(): void {
    this.#ended = true
    this.#timer?.cancel()
    this.#guard?.cancel()
    this.#parts.ended(this)
  }

  /** How long the lease can still be trusted. A machine that slept stops the first clock, so both are asked. */
  #leftMs(): number {
    const now = clocksOf(this.#parts.connection)
    const passedMs = Math.max(now.monotonicMs - this.#since.monotonicMs, now.wallMs - this.#since.wallMs)
    return this.#parts.request.ttlMs * (1 - MARGIN) - passedMs
  }
}
