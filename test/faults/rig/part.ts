/** What a worker process is told, and what it tells. */
import type { JobType } from './jobs.ts'
import type { Step } from './mortal.ts'
import type { WoundName } from './wounds.ts'

/** Its only argument, as JSON. */
export interface Part {
  readonly url: string
  /** Where its journal is. */
  readonly folder: string
  readonly types: readonly JobType[]
  readonly slots: number
  readonly leaseMs: number
  /** How long it waits for its handlers when it leaves; by default as a worker does. */
  readonly drainMs?: number | undefined
  /** How the store that it works on is broken. */
  readonly wound?: WoundName | undefined
  /** At which step of a schedule's tick it dies, once it works. */
  readonly diesAt?: Step | undefined
  /** Share of the store's answers that never arrive; drawn by the seed. */
  readonly droppedAnswers?: { readonly share: number; readonly seed: number } | undefined
}

export type Told = { readonly kind: 'ready' }
