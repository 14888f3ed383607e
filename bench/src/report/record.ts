/** What a run leaves behind, as it is written to a file. */
import type { Machine } from '../measuring/machine.ts'
import type { Result } from '../runner.ts'
import type { Side } from '../side.ts'

export interface RunRecord {
  readonly startedAt: string
  readonly command: string
  readonly engine: string
  readonly iterations: number
  readonly quick: boolean
  readonly machine: Machine
  readonly sides: readonly Omit<Side, 'open'>[]
  readonly results: readonly Result[]
}
