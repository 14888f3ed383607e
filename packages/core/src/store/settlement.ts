/**
 * What core decided about a claim, as data. A store applies it under the fence and decides nothing,
 * except for one rule that only it can see in time: while a cancel request stands, a transition that
 * would make the task pending, or failed without counting a crash, makes it cancelled instead, counts
 * nothing, and keeps the error (`underCancelRequest`).
 */
import type { LimitName } from './flow.ts'
import type { FailReason, Fence, LogEntry, Payload, Progress, TaskError } from './records.ts'

/** What becomes of a claim, by the worker that holds it. */
export interface Settlement {
  readonly fence: Fence
  /**
   * Numbers the settlements of one claim from 1. The store keeps the last one that it applied with the
   * task: the same number under the same fence is a repeat, answered as the first time, with nothing
   * written. Core has one settlement per fence under way at a time, so a lower number is a copy that came
   * late: nothing is written, and it is `applied` while the claim runs, `stale` once that has ended.
   */
  readonly seq: number
  readonly transition: Transition
  /** Progress and logs since the last settlement of this claim. */
  readonly notes: Notes | null
}

/** What a handler has said since the last settlement. */
export interface Notes {
  readonly progress: Progress | null
  readonly logs: readonly LogEntry[]
}

/** The state that a settlement leads to. */
export type Transition =
  | { readonly to: 'succeeded'; readonly result: Payload | null }
  | {
      readonly to: 'pending'
      /** Which counter the end of this claim adds to. */
      readonly count: 'failure' | 'crash' | 'isolated-crash' | 'return' | 'snooze'
      /** Due so long from store time; `null` leaves the due time as it was. */
      readonly delayMs: number | null
      readonly error: TaskError | null
      readonly shut?: Shut | undefined
    }
  | {
      readonly to: 'failed'
      /** `none`: the claim ended without counting: it could not have succeeded, or its time was up. */
      readonly count: 'failure' | 'crash' | 'isolated-crash' | 'none'
      readonly reason: FailReason
      readonly error: TaskError
      readonly shut?: Shut | undefined
    }
  | { readonly to: 'cancelled'; readonly error: TaskError | null }
  /** The task goes on running: notes, or a checkpoint for the next attempt to start from (`null` leaves the last one). */
  | { readonly to: 'running'; readonly checkpoint: Payload | null }

/** Nothing that counts under this key starts for so long from store time, or for as long as it was shut before. */
export interface Shut {
  readonly name: LimitName
  readonly key: string
  readonly ms: number
}

/**
 * What became of a settlement: `applied`; `cancelled`, applied but a cancel request turned it; `stale`,
 * nothing was written, because the fence has passed on or the claim has ended by another settlement.
 */
export type Verdict = 'applied' | 'cancelled' | 'stale'
