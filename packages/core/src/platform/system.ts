import { randomFillSync } from 'node:crypto'
import type { Platform, Timer } from './platform.ts'

/** Node's longest timer: longer ones fire at once. */
const TIMER_MAX_MS = 2 ** 31 - 1

const pool = new Uint32Array(1_024)
let drawn = pool.length

/** The real clock, real chance, real timers. */
export const systemPlatform: Platform = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  random32() {
    if (drawn === pool.length) {
      randomFillSync(pool)
      drawn = 0
    }
    return pool[drawn++]!
  },
  setTimer(delayMs, run, hold) {
    return new SystemTimer(delayMs, run, hold)
  },
  soon: (run) => void setImmediate(run),
}

class SystemTimer implements Timer {
  #timeout: NodeJS.Timeout
  readonly #run: () => void
  readonly #hold: 'holds' | 'idle'

  constructor(delayMs: number, run: () => void, hold: 'holds' | 'idle') {
    this.#run = run
    this.#hold = hold
    this.#timeout = this.#arm(delayMs)
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }

  #arm(leftMs: number): NodeJS.Timeout {
    const chunkMs = Math.min(leftMs, TIMER_MAX_MS)
    const timeout = setTimeout(() => {
      if (leftMs > chunkMs) this.#timeout = this.#arm(leftMs - chunkMs)
      else this.#run()
    }, Math.ceil(chunkMs))
    if (this.#hold === 'idle') timeout.unref()
    return timeout
  }
}
