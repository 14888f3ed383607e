/** Things in the order in which they came, each under a number that only grows; read from any number on, either way. */
export class Timeline<T> {
  #numbers: number[] = []
  /** What was removed leaves a hole until the holes are most of it. */
  #items: (T | undefined)[] = []
  #holes = 0

  /** @param number above all that were added before */
  add(number: number, item: T): void {
    this.#numbers.push(number)
    this.#items.push(item)
  }

  remove(number: number): void {
    const index = this.#firstFrom(number)
    if (this.#numbers[index] !== number || this.#items[index] === undefined) return
    this.#items[index] = undefined
    this.#holes += 1
    if (this.#holes * 2 > this.#items.length) this.#close()
  }

  /** From behind a number on, oldest first. Nothing may be removed meanwhile. */
  *after(number: number): Generator<T> {
    for (let index = this.#firstFrom(number + 1); index < this.#items.length; index++) {
      const item = this.#items[index]
      if (item !== undefined) yield item
    }
  }

  /** From before a number on, newest first. Nothing may be removed meanwhile. */
  *before(number: number): Generator<T> {
    for (let index = this.#firstFrom(number) - 1; index >= 0; index--) {
      const item = this.#items[index]
      if (item !== undefined) yield item
    }
  }

  /** The index of the first number that is not below this one. */
  #firstFrom(number: number): number {
    let low = 0
    let high = this.#numbers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#numbers[middle]! < number) low = middle + 1
      else high = middle
    }
    return low
  }

  #close(): void {
    const items = this.#items
    this.#numbers = this.#numbers.filter((_, index) => items[index] !== undefined)
    this.#items = items.filter((item) => item !== undefined)
    this.#holes = 0
  }
}
