/** What the fuzzers draw with: one seed repeats a run. */
import { seededRandom, type SeededRandom } from '../../packages/core/src/simulation/random.ts'

export class Chance {
  readonly #random: SeededRandom

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  bits(): number {
    return this.#random.bits()
  }

  below(max: number): number {
    return this.#random.bits() % max
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  /** Once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }
}
