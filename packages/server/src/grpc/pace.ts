/**
 * So many calls are begun in each turn of the event loop, by their connections in turn. Hundreds may come with one read of a
 * socket: begun all at once they would hold up everybody else for as long as all of them take.
 */
import { FairQueue } from '../listen/fair-queue.ts'

/** About a millisecond's worth. */
const BEGUN_AT_ONCE = 8

export class Pace {
  /** By connection. They are as many as there are connections and streams, which is bounded. */
  readonly #waiting = new FairQueue<() => void>()
  #begun = 0
  #isCounting = false

  /** Begins it in this turn of the event loop, or in one of the next. */
  begin(peer: string, work: () => void): void {
    if (this.#begun >= BEGUN_AT_ONCE) {
      this.#waiting.push(peer, work)
      return
    }
    this.#count()
    work()
  }

  #count(): void {
    this.#begun += 1
    if (this.#isCounting) return
    this.#isCounting = true
    setImmediate(() => this.#anew())
  }

  #anew(): void {
    this.#begun = 0
    this.#isCounting = false
    while (this.#begun < BEGUN_AT_ONCE) {
      const next = this.#waiting.next()
      if (next === undefined) return
      this.#count()
      next()
    }
  }
}
