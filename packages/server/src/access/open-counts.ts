/** How many streams and waits each credential has open, by whatever transport. */
import { BackpressureError } from '@millrace/core'

export const STREAMS_MAX = 1_000
const AGAIN_MS = 1_000

export class OpenCounts {
  readonly #max: number
  readonly #open = new Map<string, number>()

  constructor(max: number) {
    this.#max = max
  }

  /**
   * @returns what is to be called, once, when it is not open any more
   * @throws BackpressureError
   */
  enter(name: string): () => void {
    const open = this.#open.get(name) ?? 0
    if (open >= this.#max) {
      throw new BackpressureError(`This credential has ${open} streams and waits open.`, {
        hint: 'Close some of them, or share one.',
        retryAfterMs: AGAIN_MS,
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
