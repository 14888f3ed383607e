/** What waits, by whose it is: each of them gets one of his in turn, so that who has many waits for his own. */
export class FairQueue<T> {
  /** The next one's stands first. */
  readonly #waiting = new Map<string, T[]>()

  push(whose: string, one: T): void {
    const own = this.#waiting.get(whose)
    if (own === undefined) this.#waiting.set(whose, [one])
    else own.push(one)
  }

  /** Takes the next one out; `undefined`: nothing waits. */
  next(): T | undefined {
    const [first] = this.#waiting
    if (first === undefined) return undefined
    const [whose, own] = first
    const next = own.shift()
    this.#waiting.delete(whose)
    if (own.length > 0) this.#waiting.set(whose, own)
    return next
  }
}
