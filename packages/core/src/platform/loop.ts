import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How late the event loop of this process was, in milliseconds: by so much a timer that was due came later. */
export interface LoopDelay {
  readonly meanMs: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Between two looks at the clock: often enough to see what blocks, and seldom enough to cost an idle process nothing. */
const EVERY_MS = 50

/** A window of time that is at least so long is over with the next reading. */
const WINDOW_MS = 10_000

/** Measures from its first reading on: who never asks pays nothing. */
export class LoopWatch {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | undefined
  #sinceMs = 0

  /** Of the last ten seconds or more, as far as it was measured. */
  read(): LoopDelay {
    if (this.#histogram === undefined) {
      this.#histogram = monitorEventLoopDelay({ resolution: EVERY_MS })
      this.#histogram.enable()
      this.#sinceMs = performance.now()
    }
    const histogram = this.#histogram
    if (histogram.count === 0) return { meanMs: 0, p99Ms: 0, maxMs: 0 }
    const delay = {
      meanMs: lateMs(histogram.mean),
      p99Ms: lateMs(histogram.percentile(99)),
      maxMs: lateMs(histogram.max),
    }
    if (performance.now() - this.#sinceMs >= WINDOW_MS) {
      histogram.reset()
      this.#sinceMs = performance.now()
    }
    return delay
  }

  stop(): void {
    this.#histogram?.disable()
    this.#histogram = undefined
  }
}

/** The histogram has the time between two looks, in nanoseconds. */
function lateMs(betweenNs: number): number {
  return Math.max(0, Math.round(betweenNs / 1e4 - EVERY_MS * 100) / 100)
}
