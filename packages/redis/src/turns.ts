/** Whose turn it is, as a worker keeps it: see lua/turns.ts. */
import type { Packer } from './packer.ts'

/** Of a level of a queue. */
export type Spot = readonly [
  partition: number,
  left: number,
  passed: number,
  at: number,
  met: number,
  giverPartition: number,
  giver: number,
  giverRoute: number,
]

export const SPOT_LENGTH = 8

const TEXT_MAX = 4_096
const NUMBER_MAX = 2 ** 32 - 1

export class Turns {
  readonly #spots: Map<string, Spot>

  constructor(text: string | null) {
    this.#spots = spotsIn(text)
  }

  /** Of one queue: nothing, or one spot for each level. */
  pack(packer: Packer, queue: string): void {
    const spots = [0, 1, 2, 3, 4].map((level) => this.#spots.get(`${level} ${queue}`))
    if (spots.every((spot) => spot === undefined)) return void packer.no()
    packer.array(spots.length)
    for (const spot of spots) {
      if (spot === undefined) {
        packer.no()
        continue
      }
      const [partition, ...rest] = spot
      const start = packer.array(SPOT_LENGTH).begin(4)
      packer.rawInt(partition, 4)
      packer.end(start)
      for (const number of rest) packer.int(number)
    }
  }

  set(queue: string, level: number, spot: Spot): void {
    const name = `${level} ${queue}`
    this.#spots.delete(name)
    this.#spots.set(name, spot)
  }

  /** Those that were not heard of for longest are forgotten first. */
  text(): string | null {
    for (;;) {
      if (this.#spots.size === 0) return null
      const text = JSON.stringify([...this.#spots])
      if (text.length * 3 <= TEXT_MAX) return text
      const [oldest] = this.#spots.keys()
      this.#spots.delete(oldest!)
    }
  }
}

function spotsIn(text: string | null): Map<string, Spot> {
  if (text === null) return new Map()
  try {
    const given: unknown = JSON.parse(text)
    return new Map(Array.isArray(given) ? given.filter(isSpot) : [])
  } catch {
    return new Map()
  }
}

function isSpot(entry: unknown): entry is [string, Spot] {
  if (!Array.isArray(entry) || typeof entry[0] !== 'string' || !Array.isArray(entry[1])) return false
  const numbers: readonly unknown[] = entry[1]
  return numbers.length === SPOT_LENGTH && numbers.every(isNumber)
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= NUMBER_MAX
}
