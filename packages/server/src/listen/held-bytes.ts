/**
 * What a port holds for others: of requests that have not come whole, and of answers that are not taken. Together it is
 * bounded, and so is what is held for one credential. Who has held some for longest is cut off, since those who do as usual
 * hold little, and not for long.
 */

/** What is held for one call or request. */
export interface Hold {
  add(bytes: number): void
  release(bytes: number): void
  /** Nothing is held for it any more. */
  clear(): void
}

/** Those for whom something is held, by when that began. */
interface Holders {
  readonly all: Set<Holder>
  bytes: number
}

export class HeldBytes {
  readonly #max: number
  readonly #eachMax: number
  readonly #everybody: Holders = { all: new Set(), bytes: 0 }
  readonly #byName = new Map<string, Holders>()

  /** @param eachMax for one credential */
  constructor(max: number, eachMax = max) {
    this.#max = max
    this.#eachMax = eachMax
  }

  /** No credential has more than a quarter of it. */
  static inQuarters(max: number): HeldBytes {
    return new HeldBytes(max, max / 4)
  }

  /**
   * @param name the credential for whose call it is
   * @param cutOff ends the call or request; it may be called more than once
   */
  hold(name: string, cutOff: () => void): Hold {
    return new Holder(name, cutOff, (holder, bytes) => this.#change(holder, bytes))
  }

  #change(holder: Holder, bytes: number): void {
    const { name } = holder
    const own = this.#byName.get(name) ?? { all: new Set(), bytes: 0 }
    for (const holders of [own, this.#everybody]) {
      holders.bytes += bytes
      if (holder.bytes === 0) holders.all.delete(holder)
      else holders.all.add(holder)
    }
    if (own.all.size === 0) this.#byName.delete(name)
    else this.#byName.set(name, own)
    bound(own, this.#eachMax)
    bound(this.#everybody, this.#max)
  }
}

function bound(holders: Holders, max: number): void {
  while (holders.bytes > max) {
    const [oldest] = holders.all
    if (oldest === undefined) return
    oldest.clear()
    oldest.cutOff()
  }
}

class Holder implements Hold {
  bytes = 0
  readonly name: string
  readonly cutOff: () => void
  readonly #changed: (holder: Holder, bytes: number) => void

  constructor(name: string, cutOff: () => void, changed: (holder: Holder, bytes: number) => void) {
    this.name = name
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
