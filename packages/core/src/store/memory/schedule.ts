/** Things by time: a binary heap whose first is the earliest, and of one moment the one with the lower number. */

export interface Entry<T> {
  readonly at: number
  readonly seq: number
  readonly item: T
  /** Removed entries stay in the heap until they come to the front, or until most entries are of their kind. */
  gone: boolean
}

export class Schedule<T> {
  #heap: Entry<T>[] = []
  #gone = 0

  add(at: number, seq: number, item: T): Entry<T> {
    const entry = { at, seq, item, gone: false }
    this.#heap.push(entry)
    this.#rise(this.#heap.length - 1)
    return entry
  }

  remove(entry: Entry<T>): void {
    if (entry.gone) return
    entry.gone = true
    this.#gone += 1
    if (this.#gone * 2 > this.#heap.length) this.#rebuild()
  }

  first(): Entry<T> | undefined {
    while (this.#heap[0]?.gone === true) this.#dropFirst()
    return this.#heap[0]
  }

  #dropFirst(): void {
    const last = this.#heap.pop()!
    this.#gone -= 1
    if (this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink(0)
  }

  #rebuild(): void {
    // a sorted array is a heap
    this.#heap = this.#heap.filter((entry) => !entry.gone).toSorted((a, b) => a.at - b.at || a.seq - b.seq)
    this.#gone = 0
  }

  #rise(index: number): void {
    const heap = this.#heap
    const entry = heap[index]!
    let at = index
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(entry, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = entry
  }

  #sink(index: number): void {
    const heap = this.#heap
    const entry = heap[index]!
    let at = index
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, entry)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = entry
  }
}

export function isBefore(one: Entry<unknown>, other: Entry<unknown>): boolean {
  return one.at < other.at || (one.at === other.at && one.seq < other.seq)
}
