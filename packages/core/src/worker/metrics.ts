/** What a worker counts while it works. Plain numbers: each costs an addition. */
import type { LoopDelay } from '../platform/loop.ts'

/** Attempts that took up to so many milliseconds, each bound included. */
const DURATION_BOUNDS_MS: readonly number[] = [
  1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
]

/** Counts are since the worker was made. */
export interface WorkerMetrics {
  /** Tasks that were taken from the store, started or not. */
  readonly claimed: number
  readonly succeeded: number
  /** Tasks that failed for good. */
  readonly failed: number
  /** Attempts that failed and are to be repeated. */
  readonly retried: number
  readonly cancelled: number
  /** Tasks whose lease was lost while they ran. */
  readonly lost: number
  /** Tasks that were taken over from a worker that was gone. */
  readonly crashes: number
  /** Round trips to the store that settled or claimed. */
  readonly exchanges: number
  /** How long attempts took, however they ended; of a batch each task has its share. */
  readonly attempts: {
    readonly count: number
    readonly totalMs: number
    /** How many took at most so long, those of the shorter ones included. */
    readonly buckets: readonly { readonly atMostMs: number; readonly count: number }[]
  }
  readonly slots: { readonly busy: number; readonly total: number }
  /** Measured from the first call that asks for it. */
  readonly loop: LoopDelay
}

type Count = Exclude<keyof WorkerMetrics, 'attempts' | 'slots' | 'loop'>

export class Tally implements Record<Count, number> {
  claimed = 0
  succeeded = 0
  failed = 0
  retried = 0
  cancelled = 0
  lost = 0
  crashes = 0
  exchanges = 0
  #attempts = 0
  #totalMs = 0
  readonly #buckets = Array.from(DURATION_BOUNDS_MS, () => 0)

  /** An attempt has ended. */
  took(ms: number): void {
    this.#attempts += 1
    this.#totalMs += ms
    let bucket = 0
    while (bucket < DURATION_BOUNDS_MS.length && ms > DURATION_BOUNDS_MS[bucket]!) bucket += 1
    if (bucket < DURATION_BOUNDS_MS.length) this.#buckets[bucket]! += 1
  }

  read(now: Pick<WorkerMetrics, 'slots' | 'loop'>): WorkerMetrics {
    const { claimed, succeeded, failed, retried, cancelled, lost, crashes, exchanges } = this
    let count = 0
    const buckets = DURATION_BOUNDS_MS.map((atMostMs, index) => ({
      atMostMs,
      count: (count += this.#buckets[index]!),
    }))
    const attempts = { count: this.#attempts, totalMs: this.#totalMs, buckets }
    return { claimed, succeeded, failed, retried, cancelled, lost, crashes, exchanges, attempts, ...now }
  }
}
