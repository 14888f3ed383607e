/**
 * The one door to store time: the host's clock, read once per transaction, plus an offset that tests set.
 * It never goes below the floor, which all processes of a file share and renewals advance: a clock that
 * jumps back stands still.
 */
export class Clock {
  #offsetMs = 0
  #floor = 0

  /** Store time, now. Whoever decides by it asks once. */
  now(): number {
    this.#floor = Math.max(this.#floor, Date.now() + this.#offsetMs)
    return this.#floor
  }

  /** Takes over a floor that the file has. */
  raise(floor: number): void {
    this.#floor = Math.max(this.#floor, floor)
  }

  shift(ms: number): void {
    this.#offsetMs += ms
  }
}
