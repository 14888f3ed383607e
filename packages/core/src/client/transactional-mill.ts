/** The client of a store that can work inside a transaction of the user's. */
import { Mill, type MillOptions } from './mill.ts'
import { NO_OPTIONS } from '../task/draft.ts'
import type { AnyTask, InputArguments } from '../task/definition.ts'
import type { AnyFlow } from '../task/flow.ts'
import type { Draft, EnqueueOptions } from '../task/draft.ts'
import type { Taken, Within } from '../task/transaction.ts'
import type { TransactionalStore, Transactions } from '../store/transactions.ts'
import type { Worker } from '../worker/worker.ts'
import type { WorkerOptions } from '../worker/options.ts'

/** @typeParam Tx what the store gives to `ctx.transaction`; `within` takes it too, and what it names beside it */
export class TransactionalMill<Tx> extends Mill {
  readonly #transactions: Transactions<Tx>

  constructor(store: TransactionalStore<Tx>, options: MillOptions = {}) {
    super(store, options)
    this.#transactions = store.transactions
  }

  /**
   * What is enqueued here is there when the caller's transaction commits, and never was when it rolls back.
   *
   * @throws ClosedError
   */
  within(tx: Taken<Tx>): Within<Tx> {
    const guest = this.guest(tx, this.#transactions as Transactions<unknown>)
    return {
      enqueue: (task: AnyTask, ...[input, options]: InputArguments<unknown, EnqueueOptions>) =>
        guest.one({ task, input, options: options ?? NO_OPTIONS }),
      enqueueMany: (drafts: readonly Draft[]) => guest.all(drafts),
      enqueueFlow: (flow: AnyFlow) => guest.flow(flow),
    } as Within<Tx>
  }

  /** Takes handlers, too, that need transactions of this store. */
  override worker(options: WorkerOptions<Tx>): Worker {
    return this.newWorker(options)
  }
}
