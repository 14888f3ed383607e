/** On the main thread: names for the types and offers of demands, so that they travel only until they are known. */

/** The thread remembers twice as many. */
const KNOWN_MAX = 500

/** Types and offers that stay the same are the same arrays. */
export class Tastes {
  readonly #named = new WeakMap<readonly string[], WeakMap<readonly string[], number>>()
  readonly #known = new Set<number>()
  #last = 0

  of(types: readonly string[], offers: readonly string[]): number {
    let byOffers = this.#named.get(types)
    if (byOffers === undefined) this.#named.set(types, (byOffers = new WeakMap<readonly string[], number>()))
    let taste = byOffers.get(offers)
    if (taste === undefined) byOffers.set(offers, (taste = this.#last += 1))
    return taste
  }

  isKnown(taste: number): boolean {
    return this.#known.has(taste)
  }

  /** The thread knows it by its name now. */
  learned(taste: number): void {
    if (this.#known.has(taste)) return
    this.#known.add(taste)
    for (const oldest of this.#known) {
      if (this.#known.size <= KNOWN_MAX) break
      this.#known.delete(oldest)
    }
  }
}
