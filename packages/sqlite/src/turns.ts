/** Whose turn it is: the partitions of a queue's level, one after the other, as the worker keeps it between its claims. */

/** A lane in the order in which they are come by: that of partitions, then that of lanes. */
export type Position = readonly [partition: number, lane: number]

export interface Spot {
  /** The partition whose turn it was, and how many tasks are left of it. */
  readonly partition: number
  readonly left: number
  /** The lane of it that was come by last, where there were too many; 0: all of them were come by. */
  readonly lane: number
  /** Since where nothing was found that may start, and when the first of that may; `null`: something was found. */
  readonly since: Position | null
  readonly againAt: number | null
}

type Packed = readonly [
  level: string,
  partition: number,
  left: number,
  lane: number,
  since: Position | null,
  againAt: number | null,
]

const TEXT_MAX = 4_096

export class Turns {
  readonly #given: string | null
  #spots: Map<string, Spot> | undefined
  /** Where turns begin that never began anywhere. */
  readonly chance: number

  /** @param text any text at all */
  constructor(text: string | null, nonce: string) {
    this.#given = text
    this.chance = Number.parseInt(nonce.slice(0, 8), 16)
  }

  spotOf(level: string): Spot | undefined {
    this.#spots ??= spotsIn(this.#given)
    return this.#spots.get(level)
  }

  stop(level: string, spot: Spot): void {
    this.#spots ??= spotsIn(this.#given)
    this.#spots.delete(level)
    this.#spots.set(level, spot)
  }

  /** Those that were not heard of for longest are forgotten first. */
  text(): string | null {
    const spots = this.#spots
    if (spots === undefined) return this.#given
    for (;;) {
      if (spots.size === 0) return null
      const text = JSON.stringify([...spots].map(packed))
      if (Buffer.byteLength(text) <= TEXT_MAX) return text
      const [oldest] = spots.keys()
      spots.delete(oldest!)
    }
  }
}

function packed([level, { partition, left, lane, since, againAt }]: [string, Spot]): Packed {
  return [level, partition, left, lane, since, againAt]
}

function spotsIn(text: string | null): Map<string, Spot> {
  const spots = new Map<string, Spot>()
  for (const one of listIn(text)) {
    if (!isPacked(one)) continue
    const [level, partition, left, lane, since, againAt] = one
    spots.set(level, { partition, left, lane, since, againAt })
  }
  return spots
}

function listIn(text: string | null): readonly unknown[] {
  try {
    const list = text === null ? [] : (JSON.parse(text) as unknown)
    return Array.isArray(list) ? list : []
  } catch {
    return []
  }
}

function isPacked(one: unknown): one is Packed {
  if (!Array.isArray(one) || one.length !== 6) return false
  const [level, partition, left, lane, since, againAt] = one as readonly unknown[]
  return (
    typeof level === 'string' &&
    [partition, left, lane].every(isCount) &&
    (since === null || (Array.isArray(since) && since.length === 2 && since.every(Number.isSafeInteger))) &&
    (againAt === null || Number.isFinite(againAt))
  )
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
