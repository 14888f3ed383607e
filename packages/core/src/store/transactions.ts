/**
 * An extension of the port, for stores that can work inside a transaction of the user's: what is added and
 * settled in it is there when it commits, and never was when it rolls back, together with the user's own rows.
 *
 * What the port says of groups, fences and settlements holds here too, and beside that:
 * - Nothing that is expected (a conflict, a held key, an unknown parent, a stale fence) leaves the transaction
 *   unusable, and what was refused left nothing in it.
 * - While it is open, strangers are not kept waiting: no lock is taken that an exchange, a renewal or a
 *   take-over of other tasks would wait for. An edge to a parent that lives is only written down; `deliver`
 *   resolves it after the commit.
 * - What is no transaction, or none of this store, is refused with an `InvalidArgumentError`, and nothing is
 *   written.
 * - Hints follow the commit.
 */
import type { Fence } from './records.ts'
import type { GroupAnswer, Store, TaskGroup } from './port.ts'
import type { Settlement } from './settlement.ts'

/** A backend on whose connections users have transactions. */
export interface TransactionalStore<Tx> extends Store {
  readonly transactions: Transactions<Tx>
}

/** Of a synchronous store it is there at once, of any other it is a promise. */
export type Answer<T> = T | Promise<T>

/** The part of a store that works in transactions of the user's. */
export interface Transactions<Tx> {
  /** `synchronous`: answers are there at once, and the work of `run` must not be a promise. */
  readonly work: 'synchronous' | 'asynchronous'
  /**
   * Enqueues a group in the user's transaction, as `Tasks.add` would as a first send. No gate, and nothing that is to
   * replace: what it would cancel would be locked until the transaction ends.
   *
   * @throws StoreError, InvalidArgumentError; if it is the database that refused a statement, the transaction has to
   *   be rolled back, and the hint says so
   */
  add(tx: unknown, group: TaskGroup): Answer<GroupAnswer>
  /**
   * Settles a claim in the user's transaction: the fence is compared by the statement that writes. The transition is
   * to `succeeded`. Whoever calls has no other settlement of the claim under way, and sends none before the fate of
   * this one is known.
   *
   * @throws as `add`
   */
  settle(tx: unknown, settlement: Settlement): Answer<Settled>
  /**
   * Begins a transaction, lets `work` have it, commits when that is done and rolls back when it throws or rejects,
   * which is passed on.
   *
   * @throws StoreError: `unknown` if the commit was not answered, else nothing was written
   */
  run<T>(work: (tx: Tx) => Answer<T>): Promise<T>
  /** What became of a settlement that was written in a transaction, once that has ended. */
  fate(receipt: Receipt): Promise<Fate>
}

/** What became of a settlement in a transaction of the user's. */
export type Settled =
  | { readonly verdict: 'applied'; readonly receipt: Receipt }
  | { readonly verdict: 'stale' }
  /** Nothing was written, because somebody held a lock for too long: try again. */
  | { readonly verdict: 'busy' }

/** What the fate of a settlement is asked by. */
export interface Receipt {
  readonly fence: Fence
  readonly seq: number
  /** The store's own name of the transaction. */
  readonly transaction: string
}

/** `open`: the transaction has not ended yet. */
export type Fate = 'committed' | 'rolled back' | 'open'
