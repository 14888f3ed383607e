/** What a run leaves behind, as it is written to a file. */
import type { Machine } from '../measuring/machine.ts'
import type { Result } from '../runner.ts'

export interface RunRecord {
  readonly startedAt: string
  readonly command: string
  readonly engine: string
  /** What the stores of the run stood on. */
  readonly server: string
  readonly iterations: number
  readonly quick: boolean
  readonly machine: Machine
  readonly sides: readonly SideRecord[]
  readonly results: readonly Result[]
}

export interface SideRecord {
  readonly name: string
  readonly durability: string
  readonly configuration: string
  readonly documentation: string
}

/** All that was measured on one engine, by however many runs. */
export interface EnginePart {
  readonly engine: string
  readonly runs: readonly RunRecord[]
  /** Who took part in any of them. */
  readonly sides: readonly SideRecord[]
  readonly results: readonly Result[]
}

/** By engine, in their order. Of a case that was measured more than once the last run's result stands. */
export function merged(records: readonly RunRecord[]): readonly EnginePart[] {
  const engines = [...new Set(records.map(({ engine }) => engine))]
  return engines.map((engine) => {
    const runs = records.filter((record) => record.engine === engine)
    const sides = new Map(runs.flatMap((run) => run.sides).map((side) => [side.name, side]))
    const results = new Map(runs.flatMap((run) => run.results).map((result) => [result.case, result]))
    return { engine, runs, sides: [...sides.values()], results: [...results.values()] }
  })
}
