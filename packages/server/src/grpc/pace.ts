/**
 * So many calls are begun in each turn of the event loop, by their connections in turn. Hundreds may come with one read of a
 * socket: begun all at once they would hold up everybody else for as long as all of them take.
 */

/** About a millisecond's worth. */
const BEGUN_AT_ONCE = 8

export class Pace {
  /** By connection; the next one's stands first. They are as many as there are connections and streams, which is bounded. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #begun = 0
  #isCounting = false

  /** Begins it in this turn of the event loop, or in one of the next. */
  begin(peer: string, work: () => void): void {
    if (this.#begun >= BEGUN_AT_ONCE) {
      const own = this.#waiting.get(peer)
      if (own === undefined) this.#waiting.set(peer, [work])
      else own.push(work)
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
      const next = this.#next()
      if (next === undefined) return
      this.#count()
      next()
    }
  }

  #next(): (() => void) | undefined {
    const [first] = this.#waiting
    if (first === undefined) return undefined
    const [peer, own] = first
    const next = own.shift()
    this.#waiting.delete(peer)
    if (own.length > 0) this.#waiting.set(peer, own)
    return next
  }
}
