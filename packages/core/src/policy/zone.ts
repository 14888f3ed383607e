/**
 * The offsets of a time zone, as the runtime's IANA data have them. Everything is found by asking for the wall
 * clock at points in time, and remembered by year.
 */

/** A moment from which on another offset holds. */
export interface OffsetChange {
  readonly at: number
  /** What the wall clock is ahead of UTC, in milliseconds, until then and from then on. */
  readonly before: number
  readonly after: number
}

/** How close together two changes of one zone may be without one of them being overlooked. */
const STEP_MS = 86_400_000

/** So many years of one zone are remembered. */
const YEARS_MAX = 500

export class Zone {
  readonly name: string
  readonly #format: Intl.DateTimeFormat
  readonly #years = new Map<number, readonly OffsetChange[]>()

  /** @throws RangeError if the runtime knows no such zone */
  constructor(name: string) {
    this.name = name
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  /** How far the wall clock is ahead of UTC at a point in time. */
  offsetAt(at: number): number {
    const seconds = Math.floor(at / 1_000) * 1_000
    const [month, day, year, hour, minute, second] = (this.#format.format(seconds).match(/\d+/g) ?? []).map(
      Number,
    )
    return Date.UTC(year!, month! - 1, day, hour, minute, second) - seconds
  }

  /** The first change after a point in time, up to and including another one. */
  nextChange(after: number, until: number): OffsetChange | null {
    for (let year = yearOf(after); yearStart(year) < until; year++) {
      for (const change of this.#changesIn(year)) {
        if (change.at > after) return change.at <= until ? change : null
      }
    }
    return null
  }

  /** The last change up to and including a point in time, after another one. */
  lastChange(until: number, after: number): OffsetChange | null {
    for (let year = yearOf(until); yearStart(year + 1) > after; year--) {
      for (const change of this.#changesIn(year).toReversed()) {
        if (change.at <= until) return change.at > after ? change : null
      }
    }
    return null
  }

  /** Those from behind the first moment of a year up to the first of the next one. */
  #changesIn(year: number): readonly OffsetChange[] {
    const known = this.#years.get(year)
    if (known !== undefined) return known
    const changes: OffsetChange[] = []
    const end = yearStart(year + 1)
    let from = yearStart(year)
    let before = this.offsetAt(from)
    while (from < end) {
      const to = Math.min(from + STEP_MS, end)
      const after = this.offsetAt(to)
      if (after !== before) changes.push({ at: this.#momentOf({ from, to, before }), before, after })
      from = to
      before = after
    }
    if (this.#years.size >= YEARS_MAX) this.#years.clear()
    this.#years.set(year, changes)
    return changes
  }

  /** Between a point in time at which an offset holds, and one at which it does not any more. */
  #momentOf({
    from,
    to,
    before,
  }: {
    readonly from: number
    readonly to: number
    readonly before: number
  }): number {
    let [low, high] = [from / 1_000, to / 1_000]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.offsetAt(middle * 1_000) === before) low = middle
      else high = middle
    }
    return high * 1_000
  }
}

function yearOf(at: number): number {
  return new Date(at).getUTCFullYear()
}

function yearStart(year: number): number {
  return Date.UTC(year, 0, 1)
}
