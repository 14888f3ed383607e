/** How many streams and waits each credential has open. */
import { RestError } from './refusals.ts'

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
