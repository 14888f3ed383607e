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
