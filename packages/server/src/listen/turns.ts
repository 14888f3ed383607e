/**
 * So many at a time: pages of tasks are large while they are made. Others come in the order in which they came, but for one
 * credential at a time, each in its turn: who asks for many waits for his own.
 */
import { FairQueue } from './fair-queue.ts'

/** Pages that are made at the same time. */
export const PAGES_AT_ONCE = 2

export class Turns {
  #free: number
  readonly #waiting = new FairQueue<() => void>()

  constructor(atOnce: number) {
    this.#free = atOnce
  }

  /** Carries it out when it is its turn. Those who wait are as many as there are connections and streams, which is bounded. */
  async run<T>(work: () => Promise<T>, whose = ''): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await this.#turn(whose)
    try {
      return await work()
    } finally {
      const next = this.#waiting.next()
      if (next === undefined) this.#free += 1
      else next()
    }
  }

  #turn(whose: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(whose, resolve))
  }
}
