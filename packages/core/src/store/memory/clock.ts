/** The one door to the store's clock. */
import type { Platform } from '../../platform/platform.ts'

export class StoreClock {
  readonly #platform: Platform
  #offsetMs: number
  /** The latest time that anybody was told: a clock that jumps back stands still until it is reached again. */
  #floor = 0

  constructor(platform: Platform, offsetMs: number) {
    this.#platform = platform
    this.#offsetMs = offsetMs
  }

  /** Store time. */
  now(): number {
    this.#floor = Math.max(this.#floor, this.#platform.wallMs() + this.#offsetMs)
    return this.#floor
  }

  /** Moves the clock, for tests. It may go back. */
  shift(ms: number): void {
    this.#offsetMs += ms
  }
}
