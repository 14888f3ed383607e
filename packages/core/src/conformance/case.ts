/** What a conformance case is, and what a backend's test file hands to it. */
import { Scene } from './scene.ts'
import { seeNoDefects } from './soundness.ts'
import type { Store } from '../store/port.ts'

/** One home of a backend, fresh for each case; whoever made it also closes what it opened. */
export interface Bench {
  /** A store of the home, opened. */
  readonly store: Store
  /** Another client of the same home, opened; a store that lives in one process answers the same one. */
  open(): Promise<Store>
  /** Moves store time, for every client of the home. It may go back. */
  shiftClock(ms: number): Promise<void> | void
}

/** One rule of the port, as a sentence. `run` rejects if the backend breaks it. */
export interface ConformanceCase {
  readonly name: string
  readonly area: string
  readonly run: (bench: Bench) => Promise<void>
}

/** The cases of one area, by their sentences. */
export function cases(
  area: string,
  runs: Readonly<Record<string, (scene: Scene) => Promise<void>>>,
): readonly ConformanceCase[] {
  return Object.entries(runs).map(([name, run]) => ({
    name,
    area,
    run: async (bench) => {
      await run(new Scene(bench))
      await seeNoDefects(bench.store)
    },
  }))
}
