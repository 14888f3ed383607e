/** So many at a time, and the others in the order in which they came: pages of tasks are large while they are made. */

/** Pages that are made at the same time. */
export const PAGES_AT_ONCE = 4

export class Turns {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(atOnce: number) {
    this.#free = atOnce
  }

  /** Carries it out when it is its turn. Those who wait are as many as there are connections and streams, which is bounded. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
