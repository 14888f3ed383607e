/** Timers of the system. */
import type { Timer } from './platform.ts'

/** Node's longest timer: longer ones fire at once. */
const TIMER_MAX_MS = 2 ** 31 - 1

export class SystemTimer implements Timer {
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
