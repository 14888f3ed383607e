/**
 * How many bytes each credential may send and be sent in a second. Nobody is refused for that: what is beyond it is read, or
 * made, later. So the time that one of them takes of the processor, which goes with the bytes, is bounded.
 */
import type { Platform } from '@millrace/core'

/** Bytes in a second. */
export const TRAFFIC = 33_554_432
/** So much of a second's may come at once. */
const BURST_S = 1 / 4

interface Account {
  /** Below zero: so much was taken in advance. */
  readonly left: number
  readonly atMs: number
}

/** Credentials that are remembered: one that was forgotten begins anew. */
const ACCOUNTS_MAX = 10_000
/** Less than that is not waited for: timers have their price, too. */
const WAIT_MIN_MS = 10
/** Long enough for the longest body there may be. */
const WAIT_MAX_MS = 1_000

export class Traffic {
  readonly #perSecond: number
  readonly #burst: number
  readonly #platform: Platform
  /** The one that was used last stands at the end. */
  readonly #accounts = new Map<string, Account>()

  constructor(perSecond: number, platform: Platform) {
    this.#perSecond = perSecond
    this.#burst = perSecond * BURST_S
    this.#platform = platform
  }

  /** So much has come or gone: after how many milliseconds there may be more; 0: at once. */
  took(name: string, bytes: number): number {
    const nowMs = this.#platform.monotonicMs()
    const { left, atMs } = this.#accounts.get(name) ?? { left: this.#burst, atMs: nowMs }
    const filled = Math.min(this.#burst, left + ((nowMs - atMs) * this.#perSecond) / 1_000)
    const now = filled - bytes
    this.#accounts.delete(name)
    this.#accounts.set(name, { left: now, atMs: nowMs })
    const [oldest] = this.#accounts.keys()
    if (oldest !== undefined && this.#accounts.size > ACCOUNTS_MAX) this.#accounts.delete(oldest)
    if (now >= 0) return 0
    return Math.min(WAIT_MAX_MS, Math.max(WAIT_MIN_MS, Math.ceil((-now * 1_000) / this.#perSecond)))
  }

  /** Resolves when there may be more. */
  async turn(name: string): Promise<void> {
    for (let waitMs = this.took(name, 0); waitMs > 0; waitMs = this.took(name, 0)) await this.rest(waitMs)
  }

  /** Resolves so much later. */
  rest(waitMs: number): Promise<void> {
    return new Promise((resolve) => void this.#platform.setTimer(waitMs, resolve, 'idle'))
  }
}
