/** How a worker's free slots are shared between the priority levels. */
import { InvalidArgumentError } from '../task/errors.ts'
import type { LevelSlots } from '../store/port.ts'

/** From critical to batch. */
export const DEFAULT_WEIGHTS: LevelSlots = [16, 8, 4, 2, 1]

/**
 * Nearly all to the highest level, and what that cannot use goes down level by level; but of 1 000 draws each of the
 * others gets one, so that nothing waits for ever. That is how strict priorities age.
 */
const STRICT_WEIGHTS: LevelSlots = [996, 1, 1, 1, 1]

/**
 * Smooth weighted round robin (as in nginx, by I. Sysoev and M. Dounin): each draw adds every level's weight
 * to its credit, the level with the most credit is drawn and pays the sum of the weights. Over any 31 draws in
 * a row with the default weights a level is drawn exactly as often as its weight says, so a level that has
 * tasks gets at least 1/31 of the claims, which bounds its waiting. What a level cannot use goes to the others,
 * from the top down: the store sees to that.
 */
export class LevelShares {
  readonly #weights: LevelSlots
  readonly #sum: number
  readonly #credit: [number, number, number, number, number] = [0, 0, 0, 0, 0]

  /**
   * @param weights five whole numbers from 1 to 1 000; `strict` serves a level when all above it are empty, and
   *   once in 1 000 draws
   * @throws InvalidArgumentError
   */
  constructor(weights: LevelSlots | 'strict' = DEFAULT_WEIGHTS) {
    this.#weights = weights === 'strict' ? STRICT_WEIGHTS : checkedWeights(weights)
    this.#sum = this.#weights.reduce((sum, weight) => sum + weight, 0)
  }

  /** Shares out `slots`, a whole number from 0; the answer sums up to it, and the next one goes on from there. */
  draw(slots: number): LevelSlots {
    const rounds = Math.floor(slots / this.#sum)
    const drawn: [number, number, number, number, number] = [0, 0, 0, 0, 0]
    for (let level = 0; level < 5; level++) drawn[level] = rounds * this.#weights[level]!
    for (let left = slots - rounds * this.#sum; left > 0; left--) drawn[this.#next()]! += 1
    return drawn
  }

  #next(): number {
    const credit = this.#credit
    let best = 0
    for (let level = 0; level < 5; level++) {
      credit[level]! += this.#weights[level]!
      if (credit[level]! > credit[best]!) best = level
    }
    credit[best]! -= this.#sum
    return best
  }
}

function checkedWeights(weights: LevelSlots): LevelSlots {
  const fine =
    weights.length === 5 &&
    weights.every((weight) => Number.isInteger(weight) && weight > 0 && weight <= 1_000)
  if (fine) return weights
  throw new InvalidArgumentError(`The weights of the levels are ${weights.join(', ')}.`, {
    hint: "Give five whole numbers from 1 to 1 000, from critical to batch, or 'strict'.",
  })
}
