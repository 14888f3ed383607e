/** How often each credential may ask. */
import type { Platform } from '@millrace/core'

export interface RequestRate {
  /** In any second, in the long run. */
  readonly perSecond: number
  /** At once. */
  readonly burst: number
}

export const REQUESTS: RequestRate = { perSecond: 1_000, burst: 2_000 }

interface Bucket {
  readonly left: number
  readonly atMs: number
}

/** Credentials that are remembered: one that was forgotten begins anew with a full bucket. */
const BUCKETS_MAX = 10_000

export class TokenBuckets {
  readonly #rate: RequestRate
  readonly #platform: Platform
  /** The one that was used last stands at the end. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(rate: RequestRate, platform: Platform) {
    this.#rate = rate
    this.#platform = platform
  }

  /** After how many milliseconds it may ask again; `null`: it may now, and that counts. */
  take(name: string): number | null {
    const { perSecond, burst } = this.#rate
    const nowMs = this.#platform.monotonicMs()
    const { left, atMs } = this.#buckets.get(name) ?? { left: burst, atMs: nowMs }
    const filled = Math.min(burst, left + ((nowMs - atMs) * perSecond) / 1_000)
    const isLet = filled >= 1
    this.#buckets.delete(name)
    this.#buckets.set(name, { left: isLet ? filled - 1 : filled, atMs: nowMs })
    const [oldest] = this.#buckets.keys()
    if (oldest !== undefined && this.#buckets.size > BUCKETS_MAX) this.#buckets.delete(oldest)
    return isLet ? null : Math.ceil(((1 - filled) * 1_000) / perSecond)
  }
}
