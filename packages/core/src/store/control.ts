/** Control: what operators do to tasks and queues. */
import type { Level, Nonce, Payload, TaskId, TaskState } from './records.ts'
import type { Retention } from './port.ts'

/** The part of a store that changes tasks and queues for operators. */
export interface Control {
  /**
   * Applies one command to tasks, by id or by filter. At most `tasksMax` are looked at in one call; the
   * cursor goes on, and fixes the time of its first call: a final task that ended later, and a live one that
   * was enqueued later, does not match. What the lifecycle does not allow is left alone and counts as
   * matched, not changed.
   *
   * A task keeps the nonce of the last command that changed it, and what that did, as does the tombstone of
   * one that was removed: the same command once more does not change it, and is answered over ids as the
   * first time, counts included. Everything else is judged anew: what was refused, what left no tombstone,
   * what another command has changed since. Over a filter the repeat of a page may count less than the first
   * time, since what has left the filter need not be looked for; the repeat of the first page fixes the time
   * anew.
   */
  command(request: CommandRequest): Promise<CommandAnswer>
  /** Changes the settings of a queue; members that are left out stay as they are. */
  configureQueue(request: QueueSettings): Promise<void>
  /**
   * Opens the gate behind which a large graph was written: all its tasks stop waiting for it, by one atomic
   * decision; `deliver` lets through what is too much for this call. A gate that nobody opened for an hour
   * after it was first named is `gone`, decided once for all: `sweep` removes what waits behind it. One that
   * nobody named is `gone` from this call on: nothing is added behind it any more. Either answer is
   * remembered for a day.
   */
  openGate(gate: string): Promise<'open' | 'gone'>
}

/** A page of a command on tasks. */
export interface CommandRequest {
  /** Names this command, on each of its pages. */
  readonly nonce: Nonce
  readonly command: Command
  readonly target:
    /** Each once, at most 1 000, and no more than `tasksMax`. */
    { readonly ids: readonly TaskId[] } | { readonly filter: TaskFilter; readonly cursor: string | null }
  readonly tasksMax: number
}

/** What is done to tasks. */
export type Command =
  /** A waiting task is cancelled at once; a running one is asked to stop, and the first request stands. */
  | { readonly kind: 'cancel'; readonly reason: string | null }
  /**
   * A failed or cancelled task starts over, due now: a new generation, its other counters at zero, no hold,
   * no cancel request, no error, its unique key if that was held while it lived (`UniqueSpec` says what of others), `startBy` and deadline counted from now. Its checkpoint stays, unless it gets
   * another payload; the digest it was enqueued with stays in any case. How it ended is not taken back: who
   * waited for that end sees it, told already or not (see `deliver`); who comes later waits for the next.
   */
  | { readonly kind: 'retry'; readonly payload: Payload | null }
  /**
   * Final tasks and those that wait are removed, running ones are not. Dependents see a cancelled parent. A
   * tombstone stays, unless the task waited behind a gate that was not opened: nobody was promised it, so
   * its id is as new.
   */
  | { readonly kind: 'remove' }
  /** Hold, release and edit also apply to blocked tasks, and last through unblocking. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'release' }
  | Edit

/**
 * Changes what is not `null`. Another payload takes the checkpoint away, and the digest stays, both as with a retry; so do
 * the keys that were made of the payload. `runAt`: when the task is due from now on, also where it waits for its next
 * attempt. The history names what was changed (`editedParts`); an edit that changes nothing leaves no trace but its mark.
 */
export interface Edit {
  readonly kind: 'edit'
  readonly payload: Payload | null
  readonly level: Level | null
  readonly runAt: number | null
}

/** What a page of a command has done; `cursor` is where the next one begins. */
export interface CommandAnswer {
  readonly matched: number
  readonly changed: number
  /** Per id of the request: what happened. Empty for filters. */
  readonly outcomes: readonly CommandOutcome[]
  readonly cursor: string | null
}

/**
 * `requested`: the task runs, and its worker is told. `refused`: its state does not allow it. `key-held`: it
 * cannot start over, because another task has the unique key that it is to hold as long as it lives.
 */
export type CommandOutcome = 'changed' | 'requested' | 'refused' | 'key-held' | 'unknown'

/** Members are combined with and; those left out match everything. */
export interface TaskFilter {
  readonly states?: readonly TaskState[] | undefined
  readonly queue?: string | undefined
  readonly type?: string | undefined
  readonly tag?: string | undefined
  /** All of these, to the letter. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Part of the type, of a tag, of a value of the metadata or of the message of the error, in upper or lower case. */
  readonly text?: string | undefined
}

/** What is set for a queue; what is left out stays as it is. */
export interface QueueSettings {
  readonly queue: string
  readonly paused?: boolean | undefined
  /** Who pauses it, at most 1 KiB; kept with the time until it goes on. A queue that is paused already keeps what it has. */
  readonly by?: string | null | undefined
  /** `null` goes back to the default. */
  readonly retention?: Retention | null | undefined
}
