/** One seed, from its plan to what was wrong. */
import { check, type Violation } from './checker.ts'
import { play, type Played } from './world.ts'
import type { Plan } from './plan.ts'

/** What a play came to, and which promises it broke. */
export interface Simulated extends Played {
  readonly violations: readonly Violation[]
}

/** The same plan gives the same history, every time. */
export async function simulate(plan: Plan): Promise<Simulated> {
  const played = await play(plan)
  return { ...played, violations: check(played.history, played.bounds) }
}
