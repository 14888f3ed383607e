import { randomFillSync } from 'node:crypto'
import { SystemTimer } from './timer.ts'
import type { Platform } from './platform.ts'

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
  threads: 'available',
  soon: (run) => void setImmediate(run),
}
