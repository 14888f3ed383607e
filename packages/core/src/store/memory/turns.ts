/** Whose turn it is: the partitions of a queue's level, one after the other (deficit round robin). */
import type { Nonce } from '../records.ts'

type Partition = string | null

/** Where the turns of a level have come to: the partition whose turn it was, and what is left of it. */
type Spot = readonly [partition: Partition, left: number]

const TEXT_MAX = 4_096

/** The turns as a worker knows them. */
export class Turns {
  #spots: Map<string, Spot>
  readonly #chance: number

  constructor(text: string | null, nonce: Nonce) {
    this.#spots = spotsIn(text)
    this.#chance = Number.parseInt(nonce.slice(0, 8), 16)
  }

  /** The partitions in the order of their turns, each once, and what is left of the turn of the first; `null`: a whole turn. */
  order(
    level: string,
    partitions: Iterable<Partition>,
  ): { readonly order: readonly Partition[]; readonly left: number | null } {
    const sorted = [...new Set(partitions)].toSorted(inOrder)
    const spot = this.#spots.get(level)
    if (spot === undefined)
      return { order: from(sorted, this.#chance % Math.max(sorted.length, 1)), left: null }
    const [last, left] = spot
    const next = sorted.findIndex((one) => inOrder(one, last) > 0 || (left > 0 && one === last))
    const order = from(sorted, Math.max(next, 0))
    return { order, left: left > 0 && order[0] === last ? left : null }
  }

  /** The claim has ended in the turn of this partition, or with it. */
  stop(level: string, partition: Partition, left: number): void {
    this.#spots.delete(level)
    this.#spots.set(level, [partition, left])
  }

  /** Those that were not heard of for longest are forgotten first. */
  text(): string | null {
    for (;;) {
      const text = JSON.stringify([...this.#spots])
      if (text.length * 3 <= TEXT_MAX || this.#spots.size === 0) return this.#spots.size === 0 ? null : text
      const [oldest] = this.#spots.keys()
      this.#spots.delete(oldest!)
    }
  }
}

function spotsIn(text: string | null): Map<string, Spot> {
  try {
    return new Map(text === null ? [] : (JSON.parse(text) as [string, Spot][]))
  } catch {
    return new Map()
  }
}

/** Tasks without a partition come first. */
function inOrder(one: Partition, other: Partition): number {
  if (one === other) return 0
  if (one === null || other === null) return one === null ? -1 : 1
  return one < other ? -1 : 1
}

function from<T>(list: readonly T[], index: number): readonly T[] {
  return [...list.slice(index), ...list.slice(0, index)]
}
