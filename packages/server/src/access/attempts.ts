/** Failed attempts by where they come from: a bucket each, of which so many flow away by the second. */
import type { Platform } from '@millrace/core'

/** How many may fail. */
interface Patience {
  /** At once. */
  readonly burst: number
  /** In a second, in the long run. */
  readonly perSecond: number
}

const PATIENCE: Patience = { burst: 20, perSecond: 1 }
/** Beyond so many addresses the one that failed longest ago is forgotten. */
const ADDRESSES_MAX = 10_000

interface Bucket {
  readonly failures: number
  readonly atMs: number
}

export class Attempts {
  readonly #platform: Platform
  readonly #patience: Patience
  readonly #buckets = new Map<string, Bucket>()

  constructor(platform: Platform, patience = PATIENCE) {
    this.#platform = platform
    this.#patience = patience
  }

  /** How long somebody there has to wait, in milliseconds; 0: not at all. */
  waitMs(address: string): number {
    const { burst, perSecond } = this.#patience
    const excess = this.#failures(address) - burst
    return excess < 0 ? 0 : Math.ceil(((excess + 1) / perSecond) * 1_000)
  }

  /** One more has failed. The bucket is full at some time: who goes on does not wait for ever. */
  failed(address: string, weight = 1): void {
    const failures = Math.min(this.#failures(address) + weight, this.#patience.burst * 2)
    this.#buckets.delete(address)
    this.#buckets.set(address, { failures, atMs: this.#platform.monotonicMs() })
    if (this.#buckets.size <= ADDRESSES_MAX) return
    const [oldest] = this.#buckets.keys()
    this.#buckets.delete(oldest!)
  }

  #failures(address: string): number {
    const bucket = this.#buckets.get(address)
    if (bucket === undefined) return 0
    const flown = ((this.#platform.monotonicMs() - bucket.atMs) / 1_000) * this.#patience.perSecond
    return Math.max(0, bucket.failures - flown)
  }
}

/** Of IPv6 a network: one machine has 2^64 addresses there. */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1]!
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const parts = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - parts.length - (tail === '' ? 0 : tail.split(':').length)
  return [...parts, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...(tail ?? '').split(':')]
    .slice(0, 4)
    .join(':')
}
