/** Transactions of the user's, as handlers and producers see them. Types only: the stores bring what runs. */
import type { AnyTask, InputArguments } from './definition.ts'
import type { AnyFlow, Startable } from './flow.ts'
import type { FlowHandles } from '../client/flow-plan.ts'
import type { EnqueuedHandle } from '../client/handle.ts'
import type { ChildHandle, ChildOptions, Context } from './handler.ts'
import type { Draft, EnqueueOptions } from './draft.ts'

/**
 * What a store takes as a transaction: its own, and those of other libraries, which it names under `~takes`. A
 * transaction's type says under `~work` that it is synchronous.
 */
export type Taken<Tx> = Tx | ('~takes' extends keyof Tx ? NonNullable<Tx['~takes']> : never)

/** Whatever is asked of a synchronous store is there at once. */
type Given<Tx, T> = '~work' extends keyof Tx ? T : Promise<T>

/** Work in a transaction. On a synchronous connection it is a synchronous function, or all other writers would wait. */
export type TransactionWork<Tx, R> = '~work' extends keyof Tx
  ? ((tx: Tx) => R) & (R extends PromiseLike<unknown> ? never : unknown)
  : (tx: Tx) => R | PromiseLike<R>

/** Handles of drafts, in their order. */
export type Handles<Drafts extends readonly Draft[]> = {
  -readonly [K in keyof Drafts]: EnqueuedHandle<Drafts[K]['task']>
}

/** Enqueues in a transaction of the caller's: the tasks are there when it commits. */
export interface Within<Tx> {
  /**
   * Checks and answers as `Mill.enqueue` does. A task that was refused has left nothing in the transaction, which can
   * go on; a StoreError says so if it cannot.
   *
   * @throws what `Mill.enqueue` throws, but BackpressureError and AmbiguousError; InvalidArgumentError if there is no
   *   transaction
   */
  enqueue<D extends AnyTask>(
    task: D,
    ...input: InputArguments<D['~task']['input'], EnqueueOptions>
  ): Given<Tx, EnqueuedHandle<D>>
  /**
   * Many, or a graph, all or nothing: at most 1 000 tasks and 8 MiB. Drafts may name each other in `after`.
   *
   * @throws as `enqueue`, and CycleError
   */
  enqueueMany<const Drafts extends readonly Draft[]>(drafts: Drafts): Given<Tx, Handles<Drafts>>
  /**
   * A flow, all or nothing: at most 1 000 tasks and 8 MiB.
   *
   * @throws as `enqueue` and `Mill.enqueueFlow`
   */
  enqueueFlow<F extends AnyFlow>(flow: F & Startable<F>): Given<Tx, FlowHandles<F['~flow']>>
}

/** What a handler can do in a transaction that a library of the user's has opened. */
export interface WithinHandler<Tx, Returned> {
  /**
   * Ends the task with this result when the transaction commits, under the fence. Let it be the last thing before the
   * commit. If the transaction is rolled back, what the handler returns or throws decides as ever.
   *
   * @throws FencedError if the lease is lost: then roll back; InvalidPayloadError, TooLargeError
   */
  complete(...result: undefined extends Returned ? [result?: Returned] : [result: Returned]): Given<Tx, void>
  /**
   * Enqueues in the name of this task, as `ctx.enqueue` does: it is there when the transaction commits.
   *
   * @throws FencedError if the lease is lost; nothing is enqueued then
   */
  enqueue<D extends AnyTask>(
    task: D,
    ...input: InputArguments<D['~task']['input'], ChildOptions>
  ): Given<Tx, ChildHandle<D>>
}

/** What a handler can do on a store that has transactions of type `Tx`. */
export interface TransactionalContext<Tx, Returned> extends Context {
  /**
   * Runs `work` in a transaction and ends the task with what it answers, in the same transaction: its writes and
   * the outcome commit together, or neither does. What the handler returns afterwards is not looked at.
   *
   * @throws what `work` throws, and FencedError if the lease was lost: everything is rolled back; InvalidPayloadError,
   *   TooLargeError for the result; AmbiguousError if it cannot be known whether it was committed: then the store alone
   *   knows, and the task runs again only if it was not
   */
  transaction<R extends Returned>(work: TransactionWork<Tx, R>): Promise<R>
  /** The same in a transaction that somebody else began, and ends. */
  within(tx: Taken<Tx>): WithinHandler<Tx, Returned>
}
