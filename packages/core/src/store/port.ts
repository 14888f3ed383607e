/**
 * The port: what a backend implements.
 *
 * The rules that hold for every method:
 * - It is idempotent by the ids in its request: repeated with the same arguments it changes nothing twice.
 *   Core repeats what may have had an effect but was not answered; what it gave up may still arrive, once,
 *   behind its own repeat, and changes nothing then either.
 * - The unit of atomicity is the group in `add`, the whole of `exchange` and `reclaim`, the task in
 *   `command`, `renew` and the upkeep, the schedule in `tick`, the decision in `openGate`, the page in `audit`.
 * - It compares times with store time only, which each unit of atomicity reads once, through the store's one
 *   clock and never below its floor. (The engine's own expiry of keys or rows knows nothing of that clock: it
 *   may clear away, never decide.) Something is due, or has lapsed, at the very millisecond of its
 *   time (`at <= now`).
 * - It rejects with a `StoreError` (which says whether there may have been an effect) only when the request
 *   as a whole was not carried out or not answered, and with an `InvalidArgumentError` if it never can be (a
 *   cursor of a list or command that is none of its own). What befalls one group, settlement or task of a request
 *   is an answer, and touches no other part of the request. A store that a server stands before rejects with an
 *   `AccessError`, too: nothing was carried out.
 * - It ends, but for `watch`. Whoever waits for a lock, a connection or the engine gives up after 10 s at the
 *   latest and rejects with a `StoreError`: `store-busy` where somebody else's lock is in the way, else
 *   `store-unavailable`. What waits behind such a call does not wait once more as long.
 * - It decides nothing that is not written here: policy is core's, and arrives as data.
 * - Arrays answer in the order of their request. Request objects are never changed.
 *
 * No signature holds a function or a driver's type: the port can be served over a network.
 */
import type {
  Claim,
  Counters,
  Fence,
  Nonce,
  SessionId,
  TaskId,
  TaskPolicy,
  TaskSpec,
  TaskState,
} from './records.ts'
import type { Settlement, Verdict } from './settlement.ts'
import type { Auditing } from './audit.ts'
import type { Budgets } from './budgets.ts'
import type { Control } from './control.ts'
import type { Flow } from './flow.ts'
import type { Inspection } from './inspection.ts'
import type { Locks } from './locks.ts'
import type { Schedules } from './schedules.ts'
import type { Elsewhere, Sessions } from './sessions.ts'

export type * from './audit.ts'
export type * from './budgets.ts'
export type * from './flow.ts'
export type * from './locks.ts'
export type * from './schedules.ts'
export type * from './sessions.ts'

/** A backend. `open` is called once, before anything else, `close` once, after everything else has ended. */
export interface Store
  extends Sessions, Tasks, Flow, Budgets, Schedules, Locks, Upkeep, Control, Inspection, Auditing, Wakeups {
  /** The kind of backend, as in its URL: `memory`, `sqlite`. */
  readonly kind: string
  /** How many bytes of final tasks a queue keeps unless told otherwise. */
  readonly retentionBytes: number
  /**
   * Whether what one client calls is carried out in the order of its calls, each seeing what those before it
   * wrote. Then an exchange that leaves right behind an `add` claims its tasks, often with the same commit.
   */
  readonly calls: 'in order' | 'in any order'
  /** Whether its requests go through other processes, each of which can be at work on another of them. Default: not. */
  readonly inStages?: boolean | undefined
  /** How the renewals of a worker come to be made on another thread than its main one. */
  readonly elsewhere: Elsewhere
  /** Connects, migrates if asked to, and refuses (with a `StoreError`) what it could not work with safely. */
  open(): Promise<void>
  /** Ends iterators of `watch` and gives back everything the store opened. */
  close(): Promise<void>
  /**
   * Gives up the connections that the store itself opened, and makes new ones; what users lent it stays as it is. What
   * is under way ends as if its answer had been lost, and readers of `watch` miss nothing that they are not told of.
   * Core asks for it where nothing moves although it should: a store renews what it finds broken by itself.
   */
  reconnect(): Promise<void>
}

// ---------------------------------------------------------------------------------------------------
// Tasks: the hot plane

/** The part of a store that enqueues, claims and settles. */
export interface Tasks {
  /**
   * Enqueues. Groups are taken in order, each all or nothing and with a fate of its own; a later group may
   * name tasks of an earlier one. At most 1 000 tasks and 8 MiB of payloads a request.
   *
   * Checked in this order, each for the whole group before the next: the ids, the fence, the gate, the unique
   * keys, the parents. A known id with the same digest, or a held key with `keep`, is a `duplicate`, whose
   * parents are not looked at; edges of the group that name such a task point to the one that is there. A group all of whose ids are known so is answered whatever became of its fence. A newcomer
   * that was kept away leaves no trace. A parent that is final already, or remembered only by its tombstone,
   * is resolved at once.
   *
   * Keys are judged before anything of the group is written, a task that stands earlier in it being the holder
   * for those behind it. Then its tasks are written one after the other: one that replaces first cancels who holds
   * the key by then, be it a newcomer of the same group, so that of several the last one stays, and who waits for
   * the replaced one sees it cancelled, with the end of the group at the latest. A known id that its client drew
   * is answered as the first time as far as its task still tells: `replaced` again, and nothing is replaced twice.
   *
   * @throws InvalidArgumentError for a `replace` behind a gate: the newcomer might never be, while what it
   *   replaced would be gone
   */
  add(request: AddRequest): Promise<readonly GroupAnswer[]>
  /**
   * One round trip of a worker: applies settlements in order, then claims what the demand asks for, in one
   * atomic operation; what a settlement frees can be claimed by the same exchange. Either part may be empty.
   *
   * Its cost does not grow with tasks that the demand cannot take. What commands left behind may be met once,
   * and due tasks are moved along, at most 1 000 of either. What another request holds at this moment may be
   * passed over, as if it were not there. A task at or past its `startBy` or deadline is
   * never claimed: it ends here as `sweep` would end it.
   *
   * Repeated with the same nonce it answers the claims made under it that still run; only if none does, it
   * claims as if it were new. A settlement whose task runs again under this very nonce is `applied`.
   */
  exchange(request: ExchangeRequest): Promise<ExchangeAnswer>
  /**
   * Takes over running tasks that nobody looks after. The cause is re-checked by the very operation that
   * takes, and is the first of these that holds: the deadline passed, or a cancel request was made, and since
   * then the grace (`at + graceMs <= now`); the lease of their session lapsed; their attempt's time limit
   * passed, and since then the grace. Epoch + 1, a new nonce, this session as the owner; counters do not
   * change. Core decides what becomes of them, and settles that by `exchange`.
   *
   * From a session whose lease holds a task is so taken for its own time only; the one exception is a stray
   * (see `renew`). The task keeps the cause of its first take-over until it is settled, and is taken over
   * again only when its new owner's lease has lapsed too, or it is a stray of that owner's. Repeated with the
   * same nonce it answers the same tasks, as far as they are not settled.
   */
  reclaim(request: ReclaimRequest): Promise<ReclaimAnswer>
}

/** Groups of tasks to enqueue in one round trip. */
export interface AddRequest {
  readonly groups: readonly TaskGroup[]
  /**
   * Whether this may be the repeat of a request that had an effect. If not, none of its `client` ids was ever
   * sent before: a store may look for such an id among live tasks only (or leave it to a unique index of
   * theirs), and among those that came with `again`, however they ended: a request that its caller gave up
   * may arrive after its own repeat. Ids that users made are looked for in full either way.
   */
  readonly again: boolean
}

/** Tasks that are enqueued together, or none of them. */
export interface TaskGroup {
  /** Parents in the group stand before their dependents. */
  readonly tasks: readonly TaskSpec[]
  /** The running task in whose name this is added; a stale fence adds nothing. */
  readonly under: Fence | null
  /**
   * All tasks of the group also wait until this gate opens (see `Control.openGate`). A duplicate that is
   * still behind an unopened gate goes over to the gate of the group that names it, or to none.
   */
  readonly gate: string | null
}

/** What became of a group. */
export type GroupAnswer =
  | { readonly outcome: 'added'; readonly tasks: readonly AddVerdict[] }
  /** The first check that fails decides, and the first task that it refuses is the index; of a gate it is 0. */
  | { readonly outcome: 'rejected'; readonly index: number; readonly rejection: Rejection }
  | { readonly outcome: 'stale' }
  /** Nothing was written, because somebody held a lock for too long: try again. */
  | { readonly outcome: 'busy' }

/** What became of one task of a group that was added. */
export type AddVerdict =
  | { readonly outcome: 'created' }
  | { readonly outcome: 'duplicate'; readonly by: TaskRef }
  /** It is new, and `previous`, which held its key and waited, is cancelled. */
  | { readonly outcome: 'replaced'; readonly previous: TaskId }

/** A task that stands in the way of a new one. */
export interface TaskRef {
  readonly id: TaskId
  /**
   * As the group that names it leaves it: of a task that was removed as its tombstone has it. `gone`: nothing
   * is left of it but the window that it opened.
   */
  readonly state: TaskState | 'gone'
}

/** Why a group was refused, and by which of its tasks. Nothing of the group was written. */
export type Rejection =
  /** The id is taken by a task with another digest. */
  | { readonly code: 'conflict'; readonly id: TaskId }
  /** The unique key is held, and the newcomer asked to be rejected, or to replace what cannot be replaced. */
  | { readonly code: 'unique'; readonly key: string; readonly by: TaskRef }
  /** A parent that neither the group nor the store knows. */
  | { readonly code: 'unknown-parent'; readonly parent: TaskId }
  /** The gate was not opened in time, and is gone. */
  | { readonly code: 'gate-gone'; readonly gate: string }
  /** No store says so: a server does, before its store, where a budget has no room for the group. */
  | {
      readonly code: 'backpressure'
      readonly message: string
      readonly hint: string | null
      readonly retryAfterMs: number | null
    }

/** What a worker settles and claims in one round trip. */
export interface ExchangeRequest {
  readonly session: SessionId
  readonly nonce: Nonce
  /**
   * Whether this may be the repeat of a request that had an effect. If not, neither its nonce nor its
   * settlements were ever sent before: a fence that does not run is `stale` without a look at what has ended.
   */
  readonly again: boolean
  /** One per task at most; at most 1 000, and 8 MiB of results and checkpoints. */
  readonly settlements: readonly Settlement[]
  readonly demand: Demand | null
}

/** What a worker can take: a plan drawn by core (`policy/shares`), carried out by the store. */
export interface Demand {
  /** The task types it can run now. While it stays the same it is the same array, and so are the offers. */
  readonly types: readonly string[]
  readonly offers: readonly string[]
  /** Served in this order. Paused queues give nothing. */
  readonly queues: readonly QueueDemand[]
  readonly tasksMax: number
  /** How many tasks of a partition of weight 1 are taken in its turn, from 1. */
  readonly quantum: number
  /** Payload bytes. The first task is given whatever its size; the first that would exceed it ends the claim. */
  readonly bytesMax: number
  /**
   * Where the last claim ended, as the store answered it to this session: at most 4 KiB, an optimisation
   * only. Any text is valid, at worst it means `null`: from the front, as core asks at least once a second.
   */
  readonly cursor: string | null
  /**
   * Whose turn it is, as the store answered it last to this worker; at most 4 KiB. `null`, or any text that is
   * none of its own: it begins anywhere, by chance of the nonce.
   */
  readonly turn: string | null
}

/**
 * Slots for one queue. The store takes up to `slots[level]` of each level first, then fills up to
 * `tasksMax` from the top level down. Inside a level tasks of one type come in the order in which they fell
 * due, those of one moment in the order of their arrival, and the tasks of a group arrive in its order. A
 * task that becomes ready by a command, by a return, or with a due time in the past may come later than that.
 * Between types a store may interleave in another way, but keeps none waiting for ever.
 *
 * The partitions of a level take turns: each gives `quantum` times its weight, or what it has; who has nothing
 * that may start is passed over. A store comes by at most 200 lanes a claim (a partition's tasks of one type,
 * under the same keys), and goes on behind them with the next.
 *
 * A task whose lane prefers other workers is left to them until it has been due for so long that it spills over, and
 * those behind it in its lane with it.
 *
 * A task starts only if there is room under all it counts under: its queue, its type, the keys of its lane.
 * What has none is passed over with its whole lane, without a look at its tasks.
 */
export interface QueueDemand {
  readonly queue: string
  readonly slots: LevelSlots
  readonly tasksMax: number
}

/** One number per level, from critical to batch. */
export type LevelSlots = readonly [number, number, number, number, number]

/** What became of the settlements, and what was claimed. */
export interface ExchangeAnswer {
  /** The store time by which all of it was decided, settlements and claims. */
  readonly now: number
  readonly verdicts: readonly Verdict[]
  /** `dead`: nothing was claimed, because the session's lease has lapsed. Settlements count all the same. */
  readonly session: 'alive' | 'dead'
  readonly claims: readonly Claim[]
  readonly cursor: string | null
  /** For this worker's next demand; `null`: nobody takes turns here. */
  readonly turn: string | null
  /**
   * After how long asking again with the same demand may bring more, as far as the store knows: 0 only if
   * this answer was cut short, never for tasks that the demand cannot take. A limit that opens by time is in sight,
   * a slot that somebody has to give back is not (a hint tells of that). `null`: nothing in sight.
   */
  readonly nextInMs: number | null
  /** Whether parents, if not only those that ended here, have more dependents than could be told: `deliver` goes on. */
  readonly undelivered: boolean
}

/** How much a worker takes over from dead ones, and how. */
export interface ReclaimRequest {
  readonly session: SessionId
  readonly nonce: Nonce
  /** Whether this may be the repeat of a request that had an effect. */
  readonly again: boolean
  readonly tasksMax: number
  /** For how long after the end of its time, or after a cancel request, a task is left to its own worker. */
  readonly graceMs: number
}

/** What was taken over. */
export interface ReclaimAnswer {
  /** `dead`: nothing was taken, because the reclaimer's own lease has lapsed. */
  readonly session: 'alive' | 'dead'
  readonly tasks: readonly Reclaimed[]
}

/** What is needed to judge a task that was taken over, not to run it. */
export interface Reclaimed {
  readonly fence: Fence
  readonly type: string
  readonly policy: TaskPolicy
  readonly counters: Counters
  readonly cause: 'deadline' | 'cancel' | 'lapsed' | 'timeout'
  /** Whose hands it was in. */
  readonly from: SessionId | null
}

// ---------------------------------------------------------------------------------------------------
// Upkeep: duties that any process may carry out, and none must

/** The part of a store that ends, removes and mends what nobody asks for; any worker does it in turn. */
export interface Upkeep {
  /**
   * Ends what waited too long: `startBy` and `deadline` of tasks that do not run. Removes what waits behind
   * gates that are gone, as `remove` does: nothing is remembered of it.
   */
  sweep(request: UpkeepRequest): Promise<UpkeepAnswer>
  /**
   * Resolves the open edges of parents that ended: those that were too many for the operation that ended it,
   * and cascades. A dependent sees the end that it waited for, whatever became of the parent since (it may have
   * started over, ended once more, or be removed). Lets through what waits behind gates that were opened.
   */
  deliver(request: UpkeepRequest): Promise<UpkeepAnswer>
  /**
   * Removes final tasks beyond retention, oldest first, and tombstones and windows whose time is over. Parents of live tasks stay.
   * A queue of more than 100 000 tasks may exceed a bound by up to a half, in number, bytes or time, where the store can
   * then remove many in one piece. That counts as one change; of clients' ids in it at least the last 250 000 are remembered.
   */
  prune(request: PruneRequest): Promise<UpkeepAnswer>
}

/** How much is done in one call. */
export interface UpkeepRequest {
  readonly tasksMax: number
}

/** How much is removed in one call, and by which retention. */
export interface PruneRequest extends UpkeepRequest {
  /** For queues that have no retention of their own. */
  readonly retention: Retention
}

/** How long final tasks are kept: until the first of these is exceeded; `null` never is. */
export interface Retention {
  readonly succeededMs: number | null
  readonly cancelledMs: number | null
  readonly failedMs: number | null
  /** Final tasks per queue. */
  readonly count: number | null
  /** Bytes of final tasks per queue, as the store counts them. */
  readonly bytes: number | null
}

/** How much a duty has done. */
export interface UpkeepAnswer {
  /** Tasks, edges, tombstones, windows: whatever the duty is about, at most `tasksMax`. */
  readonly changed: number
  /** Whether there is more to do now. */
  readonly more: boolean
}

// ---------------------------------------------------------------------------------------------------
// Wakeups: hints, never needed for correctness

/**
 * The part of a store that tells of news, so that nobody has to ask often. Hints may be lost: whoever hears none looks
 * by itself.
 */
export interface Wakeups {
  /**
   * Hints about what was done through this store, by anybody; a reader that lags gets them merged. The first
   * comes as soon as it listens and says that everything may have changed, as after any gap. Ends with
   * `close` or `return`; if it throws, readers go on by polling.
   */
  watch(): AsyncIterableIterator<Hint>
}

/** What may be new in a store. It says where to look, never what is there. */
export interface Hint {
  /** Something became claimable, or will sooner than was known: a slot of a limit that was given back too. */
  readonly ready: boolean
  /** Something may have ended: waits for results look again. */
  readonly settled: boolean
  /** A running task may have been asked to cancel. */
  readonly cancel: boolean
  /** A schedule was put, and may be due sooner than was known. */
  readonly schedules: boolean
}
