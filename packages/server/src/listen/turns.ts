/**
 * So many at a time: pages of tasks are large while they are made. Others come in the order in which they came, but for one
 * credential at a time, each in its turn: who asks for many waits for his own.
 */

/** Pages that are made at the same time. */
export const PAGES_AT_ONCE = 2

export class Turns {
  #free: number
  /** By whose they are; the next one's stands first. */
  readonly #waiting = new Map<string, (() => void)[]>()

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
      const next = this.#next()
      if (next === undefined) this.#free += 1
      else next()
    }
  }

  #turn(whose: string): Promise<void> {
    return new Promise((resolve) => {
      const own = this.#waiting.get(whose)
      if (own === undefined) this.#waiting.set(whose, [resolve])
      else own.push(resolve)
    })
  }

  #next(): (() => void) | undefined {
    const [first] = this.#waiting
    if (first === undefined) return undefined
    const [whose, own] = first
    const next = own.shift()
    this.#waiting.delete(whose)
    if (own.length > 0) this.#waiting.set(whose, own)
    return next
  }
}
