/**
 * What a port holds for others: of requests that have not come whole, and of answers that are not taken. Together it is
 * bounded. Who has held some for longest is cut off, since those who do as usual hold little, and not for long.
 */

/** What is held for one call or request. */
export interface Hold {
  add(bytes: number): void
  release(bytes: number): void
  /** Nothing is held for it any more. */
  clear(): void
}

export class HeldBytes {
  readonly #max: number
  /** Those for whom something is held, by when that began. */
  readonly #holders = new Set<Holder>()
  #bytes = 0

  constructor(max: number) {
    this.#max = max
  }

  /** @param cutOff ends the call or request; it may be called more than once */
  hold(cutOff: () => void): Hold {
    return new Holder(cutOff, (holder, bytes) => this.#change(holder, bytes))
  }

  #change(holder: Holder, bytes: number): void {
    this.#bytes += bytes
    if (holder.bytes === 0) this.#holders.delete(holder)
    else this.#holders.add(holder)
    while (this.#bytes > this.#max) {
      const [oldest] = this.#holders
      if (oldest === undefined) return
      oldest.clear()
      oldest.cutOff()
    }
  }
}

class Holder implements Hold {
  bytes = 0
  readonly cutOff: () => void
  readonly #changed: (holder: Holder, bytes: number) => void

  constructor(cutOff: () => void, changed: (holder: Holder, bytes: number) => void) {
    this.cutOff = cutOff
    this.#changed = changed
  }

  add(bytes: number): void {
    this.bytes += bytes
    this.#changed(this, bytes)
  }

  /** No more than is held: what was cut off is let go already. */
  release(bytes: number): void {
    const released = Math.min(bytes, this.bytes)
    this.bytes -= released
    this.#changed(this, -released)
  }

  clear(): void {
    this.release(this.bytes)
  }
}
