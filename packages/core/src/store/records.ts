/**
 * What a store keeps: the words that core and every store share.
 *
 * All of it is plain data, so that it can cross a thread or a network as it is. Times are integer
 * milliseconds of *store time* (the engine's clock) since 1970; durations end in `Ms`. Both, and their sums,
 * are from 0 to 2^47 - 1; epochs and counters stay below 2^31. Texts are well-formed and hold no U+0000.
 */

/** A UUID in canonical lower-case form. */
export type TaskId = string

/** A worker process's incarnation: a UUID. */
export type SessionId = string

/** The id of one request, drawn at random by core and repeated verbatim when the request is repeated: 16 hex digits. */
export type Nonce = string

/**
 * Encoded data. Text is JSON. Bytes start with one byte that names their codec (see `task/codec`). A
 * store keeps either exactly as it is and never looks inside.
 */
export type Payload = string | Uint8Array

/** The life of a task. `pending` is shown to readers as *scheduled* or *ready*, by its due time. */
export const TASK_STATES = [
  'blocked',
  'pending',
  'running',
  'waiting',
  'succeeded',
  'failed',
  'cancelled',
] as const
/** The states that a store knows. `pending` is shown as ready, scheduled or held. */
export type TaskState = (typeof TASK_STATES)[number]

/** The states that a task does not leave by itself. */
export const FINAL_STATES = ['succeeded', 'failed', 'cancelled'] as const
/** How a task has ended. */
export type FinalState = (typeof FINAL_STATES)[number]

/** Why a failed task failed. */
export type FailReason = 'error' | 'timeout' | 'crashed' | 'expired' | 'invalid' | 'dependency'

/** The five priority levels as numbers: 0 is critical, 4 is batch. */
export type Level = 0 | 1 | 2 | 3 | 4

/**
 * What a dependent does when a task it waits for ends in anything but success: it is cancelled, it fails, or it runs
 * anyway. `trigger` turns that round: the dependent is there for the failure. All its triggers together are one thing
 * that it waits for: it is there as soon as the first of them ends without success (the others are then waited for no
 * more), and the task is cancelled once all of them have succeeded. Its other edges go on as they say beside that.
 */
export type IfFailed = 'cancel' | 'fail' | 'run' | 'trigger'

/** One dependency: this task waits for `parent`. */
export interface Edge {
  readonly parent: TaskId
  readonly ifFailed: IfFailed
}

/** How waits between attempts grow. Resolved to plain data at enqueue, decided on by `policy/retry`. */
export type RetryPolicy =
  | {
      readonly kind: 'exponential'
      readonly attempts: number
      readonly baseMs: number
      readonly maxMs: number
    }
  | { readonly kind: 'fixed'; readonly attempts: number; readonly baseMs: number }
  | { readonly kind: 'delays'; readonly delaysMs: readonly number[] }
  /** A function of the user's, which only a worker that knows the definition can call. */
  | { readonly kind: 'custom'; readonly attempts: number }

/**
 * The plain options that a store keeps for core and hands back with each claim, unread. There are few
 * different ones (tasks of one definition share one object), so a store may keep each once.
 */
export interface TaskPolicy {
  readonly retry: RetryPolicy
  /** Of the input, as the definition says that enqueued it. Default 1. */
  readonly version?: number | undefined
}

/** What enqueue hands to a store. */
export interface TaskSpec {
  readonly id: TaskId
  /**
   * How long the id is remembered after its task was removed: one drawn by the client until 15 minutes
   * after its task was enqueued (nobody repeats it later), one that a user gave or that was made from a
   * name for 24 hours.
   */
  readonly idMadeBy: 'client' | 'user'
  /** Hash of type, queue and payload as they were enqueued, 16 ASCII characters: tells a repeat from a conflict. */
  readonly digest: string
  readonly type: string
  /** What a worker must offer to run it, sorted, each once. Type and needs together are the task's *route*. */
  readonly needs: readonly string[]
  readonly queue: string
  readonly level: Level
  /** `null`: no partition, and no limits but those of its queue and type. */
  readonly lane: Lane | null
  /**
   * It stands in line as if it had fallen due so long after it was enqueued: the earliest deadline first.
   * `null`: by its due time.
   */
  readonly dueByMs: number | null
  /** When it is due: so long after the store takes it, or at an absolute store time. */
  readonly due: { readonly inMs: number } | { readonly at: number }
  /** Held tasks stay pending and are not claimed until released. */
  readonly held: boolean
  readonly payload: Payload
  readonly policy: TaskPolicy
  /** One attempt may take so long. `null`: no limit. */
  readonly timeoutMs: number | null
  /** A task that has not started so long after it was enqueued expires; claims that were returned do not count. */
  readonly startByMs: number | null
  /** A task that has not ended so long after it was enqueued fails with `timeout`. */
  readonly deadlineMs: number | null
  /** Parents, each once. Those in the same group stand before their dependents. */
  readonly after: readonly Edge[]
  readonly unique: UniqueSpec | null
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
}

/** Where a task stands beside its route and level, and what it counts under. */
export interface Lane {
  /** The partitions of a queue take turns inside each level. `null`: with all tasks that name none. */
  readonly partition: string | null
  /**
   * Strict order: of the live tasks of a queue and a partition that ask for it only the first can be claimed,
   * whatever it waits for: its time, its parents, a release, its next attempt. They stand in the order of their
   * arrival; one that an operator starts over comes last.
   */
  readonly fifo: boolean
  /** The keys under which it counts, from its claim until that has ended; each name once. */
  readonly limits: readonly LaneLimit[]
  /**
   * What its worker had better offer, the best first, each once. Who offers the first may claim it when it is due, who offers
   * the second `spillMs` later, and so on; who offers none of them after as many times that as there are.
   */
  readonly prefers: readonly string[]
  readonly spillMs: number
}

/** A limit that a task counts under. */
export interface LaneLimit {
  readonly name: string
  readonly key: string
  /** How much of a rate it takes: a whole number from 1. */
  readonly cost: number
}

/**
 * A key that one task holds at a time, from its enqueue on and for as long as `while` says. What ends that takes
 * the key away by the very same operation.
 *
 * - `live`: until the task has ended or was removed. An operator's retry is refused while another task holds it.
 * - `waiting`: while it is blocked or pending, be it scheduled, held or behind a gate; the claim takes it away. A
 *   task that comes back to pending (by a retry, return, snooze or crash, or started over by an operator) takes
 *   it again if nobody holds it at that moment; else it waits without it for good, and is refused nothing for that.
 *   What ends in one operation has let go before anything that comes back in it looks; of several that come back it
 *   is the first to be settled, and of strays the first that arrived.
 * - `withinMs`: for so long from the enqueue on, whatever becomes of the task, even when it was removed; then it
 *   is free, even if the task still lives. Nothing but a `replace` gives it to somebody else before, and nothing
 *   begins it anew. Only a task that is removed behind a gate which was not opened, and so was promised to nobody,
 *   takes its window along.
 *
 * All tasks of a store that hold keys while they live or wait share one name space, and all windows another one:
 * a window and a task that holds its key by living know nothing of each other.
 */
export interface UniqueSpec {
  /** Compared byte by byte; at most 1 KiB of UTF-8. */
  readonly key: string
  readonly while: 'live' | 'waiting' | { readonly withinMs: number }
  /**
   * What becomes of a newcomer while the key is held. `replace`: if the holder is blocked or pending it is cancelled
   * with the reason `replaced`, and the newcomer takes its place, both or neither; a window begins anew. A holder
   * that has started, ended or gone cannot be replaced: the newcomer is refused as by `reject`.
   */
  readonly then: 'keep' | 'replace' | 'reject'
}

/** The reason of the cancel request of a task that was replaced. */
export const REPLACED = 'replaced'

/** Proof of ownership of one running task. Both parts are compared where the write happens. */
export interface Fence {
  readonly task: TaskId
  readonly epoch: number
  readonly nonce: Nonce
}

/**
 * How the claims of a task have ended so far; what ended without counting (success, giving way, `none`) is
 * the difference to `claims`. The attempt that runs or comes next is `failures + 1`.
 */
export interface Counters {
  readonly claims: number
  readonly failures: number
  readonly crashes: number
  readonly isolatedCrashes: number
  readonly returns: number
  readonly snoozes: number
  readonly parks: number
  /** How often an operator started the task over. */
  readonly generation: number
}

/** A task in the hands of a worker: all that is needed to run and to judge it. */
export interface Claim {
  readonly id: TaskId
  readonly epoch: number
  readonly nonce: Nonce
  readonly type: string
  readonly queue: string
  readonly partition: string | null
  readonly level: Level
  readonly payload: Payload
  readonly policy: TaskPolicy
  readonly counters: Counters
  readonly enqueuedAt: number
  /** When it became due. */
  readonly runAt: number
  readonly claimedAt: number
  readonly timeoutMs: number | null
  /** End of all attempts; `null` without a deadline. */
  readonly deadlineAt: number | null
  readonly after: readonly TaskId[]
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly checkpoint: Payload | null
}

/** Why and by whom a task was asked to stop. */
export interface CancelRequest {
  readonly reason: string | null
  readonly at: number
}

/** An error as it is kept with a task: at most 16 KiB in all. */
export interface TaskError {
  readonly name: string
  readonly message: string
  readonly code: string | null
  readonly stack: string | null
}

/** How far a handler says it has come. */
export interface Progress {
  /** From 0 to 1. */
  readonly fraction: number
  readonly message: string | null
}

/** A line that a handler logged; `at` is store time. */
export interface LogEntry {
  readonly at: number
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly data: string | null
}

/** How much of a task's history and logs is kept: the newest entries. */
export const HISTORY_ENTRIES_MAX: number = 100
/** How many log lines of a task are kept: the newest. */
export const LOG_ENTRIES_MAX: number = 100
/** Longest detail of a history entry, in UTF-16 units. Stores cut the rest, and may cut sooner: where it suits them. */
export const HISTORY_DETAIL_MAX: number = 80

/** One line of a task's history. */
export interface HistoryEntry {
  readonly at: number
  readonly event: HistoryEvent
  readonly epoch: number
  /** The session that did it, or whose lease it was; `null` for operators and the upkeep. */
  readonly session: SessionId | null
  /** Reason, error name or delay, as the event has it. */
  readonly detail: string | null
}

/** What the history of a task tells of. */
export type HistoryEvent =
  | 'enqueued'
  | 'unblocked'
  | 'claimed'
  | 'reclaimed'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'retry'
  | 'crashed'
  | 'snoozed'
  | 'returned'
  | 'cancel-requested'
  | 'held'
  | 'released'
  | 'edited'
  | 'restarted'

/** What became of a task, for those who wait for it. */
export interface TaskOutcome {
  readonly state: TaskState
  /** `null` where only a tombstone is left. */
  readonly type: string | null
  readonly reason: FailReason | null
  readonly result: Payload | null
  readonly error: TaskError | null
  readonly cancel: CancelRequest | null
}

/** A task in a list. */
export interface TaskSummary {
  readonly id: TaskId
  readonly type: string
  readonly needs: readonly string[]
  readonly queue: string
  readonly level: Level
  readonly state: TaskState
  readonly held: boolean
  readonly reason: FailReason | null
  readonly epoch: number
  readonly counters: Counters
  /** The last one that a settlement brought: it outlasts every end but success, and an operator's retry forgets it. */
  readonly error: TaskError | null
  readonly enqueuedAt: number
  /** When it became due, or will. */
  readonly runAt: number
  /** When the latest claim was made. */
  readonly startedAt: number | null
  readonly finishedAt: number | null
  readonly timeoutMs: number | null
  readonly startBy: number | null
  readonly deadlineAt: number | null
  /** Whose lease it runs under. */
  readonly session: SessionId | null
  readonly cancel: CancelRequest | null
  /** How many parents, the gate included, it still waits for. */
  readonly blockers: number
  readonly uniqueKey: string | null
  readonly lane: Lane | null
  /** What stands for its due time in line; `null`: nothing else does. */
  readonly dueBy: number | null
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly progress: Progress | null
}

/** A task as readers see it, whole. */
export interface TaskRecord extends TaskSummary {
  readonly policy: TaskPolicy
  /** `null` once a task succeeded: the payload goes with the completion. */
  readonly payload: Payload | null
  readonly result: Payload | null
  readonly checkpoint: Payload | null
  readonly after: readonly Edge[]
  readonly headers: Readonly<Record<string, string>>
  readonly logs: readonly LogEntry[]
  readonly history: readonly HistoryEntry[]
}
