/** What the crash tests ask of a queue, ours or a peer's. */
import type { Engine } from '../engine.ts'
import type { CrashTask } from './task.ts'

export interface Contender {
  readonly name: string
  /** The package that is measured. */
  readonly package: string
  readonly engines: readonly Engine[]
  /** What its documentation says about processes that fall silent, in its default configuration. */
  readonly defaults: string
  /** Where it says so. */
  readonly documentation: string
  /** How long after its last renewal a silent process' tasks may be taken; `null`: nothing is renewed. */
  readonly leaseMs: number | null
  /** Whether its workers are told when an outcome stands. */
  readonly tellsAccepted: boolean
  /** Not the default: shown for the recovery only. */
  readonly isTuned: boolean
  open(url: string): Promise<Opened>
}

/** What became of a task for good. */
export type Fate = 'succeeded' | 'failed'

export interface Opened {
  /** Resolves when all of them are written. */
  enqueue(tasks: readonly CrashTask[]): Promise<void>
  /**
   * Starts a worker, `CONCURRENCY` tasks at a time. It lives until its process ends.
   *
   * @param accepted to be called for each outcome that the contender tells its worker to stand
   */
  work(accepted: (n: number) => void): Promise<void>
  /** Of the tasks that this object has enqueued those that have ended, by number. */
  ended(): Promise<ReadonlyMap<number, Fate>>
  close(): Promise<void>
}

export const CONCURRENCY = 10
