/** How often each credential may ask. */
import type { Platform } from '@millrace/core'
import { RestError } from './refusals.ts'

export interface RequestRate {
  /** In any second, in the long run. */
  readonly perSecond: number
  /** At once. */
  readonly burst: number
}

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

  /** @throws RestError `rate-limited` */
  take(name: string): void {
    const { perSecond, burst } = this.#rate
    const nowMs = this.#platform.monotonicMs()
    const { left, atMs } = this.#buckets.get(name) ?? { left: burst, atMs: nowMs }
    const filled = Math.min(burst, left + ((nowMs - atMs) * perSecond) / 1_000)
    const isLet = filled >= 1
    this.#buckets.delete(name)
    this.#buckets.set(name, { left: isLet ? filled - 1 : filled, atMs: nowMs })
    const [oldest] = this.#buckets.keys()
    if (oldest !== undefined && this.#buckets.size > BUCKETS_MAX) this.#buckets.delete(oldest)
    if (isLet) return
    throw new RestError('rate-limited', 'This credential asks too often.', {
      hint: 'Wait as long as Retry-After says. Many tasks can be enqueued by one request.',
      retryAfterMs: Math.ceil(((1 - filled) * 1_000) / perSecond),
    })
  }
}

/** How many streams and waits each credential has open. */
export class OpenCounts {
  readonly #max: number
  readonly #open = new Map<string, number>()

  constructor(max: number) {
    this.#max = max
  }

  /**
   * @returns what is to be called, once, when it is not open any more
   * @throws RestError `rate-limited`
   */
  enter(name: string): () => void {
    const open = this.#open.get(name) ?? 0
    if (open >= this.#max) {
      throw new RestError('rate-limited', `This credential has ${open} streams and waits open.`, {
        hint: 'Close some of them, or share one.',
        retryAfterMs: 1_000,
      })
    }
    this.#open.set(name, open + 1)
    let isOpen = true
    return () => {
      if (!isOpen) return
      isOpen = false
      const left = this.#open.get(name)! - 1
      if (left === 0) this.#open.delete(name)
      else this.#open.set(name, left)
    }
  }
}
