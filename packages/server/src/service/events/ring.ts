/** The newest events of the store, numbered: readers hold a place in it, and nothing is kept for any of them. */

/** What is kept of one event. */
export interface Entry<T> {
  readonly seq: number
  readonly value: T
  readonly bytes: number
}

export interface RingBounds {
  readonly entries: number
  readonly bytes: number
}

export class Ring<T> {
  readonly #bounds: RingBounds
  #entries: Entry<T>[] = []
  /** Where the first entry stands: what is before it is cut off from time to time. */
  #first = 0
  #bytes = 0
  #next = 1

  constructor(bounds: RingBounds) {
    this.#bounds = bounds
  }

  /** The number of the latest entry; 0 before the first. */
  get latest(): number {
    return this.#next - 1
  }

  push(value: T, bytes: number): void {
    this.#entries.push({ seq: this.#next, value, bytes })
    this.#next += 1
    this.#bytes += bytes
    while (this.#length > 1 && (this.#length > this.#bounds.entries || this.#bytes > this.#bounds.bytes)) {
      this.#bytes -= this.#entries[this.#first]!.bytes
      this.#first += 1
    }
    if (this.#first <= this.#bounds.entries) return
    this.#entries = this.#entries.slice(this.#first)
    this.#first = 0
  }

  /** What comes behind a number, and how many between the two are gone. */
  after(seq: number): { readonly entry: Entry<T> | undefined; readonly missed: number } {
    const oldest = this.#entries[this.#first]
    if (oldest === undefined || seq >= this.latest) return { entry: undefined, missed: 0 }
    const at = this.#first + Math.max(0, seq + 1 - oldest.seq)
    return { entry: this.#entries[at], missed: Math.max(0, oldest.seq - seq - 1) }
  }

  get #length(): number {
    return this.#entries.length - this.#first
  }
}
