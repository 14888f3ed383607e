/** A context whose handler may end its task in a transaction of the user's, together with its own writes. */
import { AmbiguousError, codeOf, FencedError, InvalidArgumentError, StoreError } from '../task/errors.ts'
import { chain, isThenable } from '../task/answer.ts'
import { WORKER_PATIENCE_MS } from '../client/connection.ts'
import { growingWaits, pause } from '../client/repeat.ts'
import type { Answer, Fate, Receipt, Settled, Transactions } from '../store/transactions.ts'
import type { AnyTask, InputArguments } from '../task/definition.ts'
import type { ChildHandle, ChildOptions } from '../task/handler.ts'
import type { Payload } from '../store/records.ts'
import type { TransactionalContext, WithinHandler } from '../task/transaction.ts'
import type { Attempted } from './attempt.ts'
import { resultPayload } from './result.ts'
import { RunContext, type ContextServices } from './context.ts'
import { taskError } from './task-error.ts'
import type { Run } from './run.ts'

interface Parts {
  readonly task: AnyTask
  readonly transactions: Transactions<unknown>
}

type Known = Exclude<Fate, 'open'>

export class TransactionalRunContext extends RunContext implements TransactionalContext<unknown, unknown> {
  readonly #transactions: Transactions<unknown>
  /** Of the settlement whose transaction has not ended, as far as is known. */
  #receipt: Receipt | undefined
  #committed = false
  /** Why the fate of its transaction could not be asked for, the last time that it could not. */
  #unanswered: unknown
  /** What a transaction answered that can be no result: running the handler again would not help. */
  #refused: unknown

  constructor(run: Run, services: ContextServices, { task, transactions }: Parts) {
    super(run, services, task)
    this.#transactions = transactions
  }

  async transaction<R>(work: (tx: unknown) => R | PromiseLike<R>): Promise<R> {
    this.#checkUndecided()
    let done: { readonly value: R } | undefined
    try {
      await this.#transactions.run((tx) => chain(this.#done(tx, work), (value) => void (done = { value })))
      this.#returns('committed')
    } catch (error) {
      if (!this.run.apart) throw error
      if (effectOf(error) !== 'unknown') this.#returns('rolled back')
      const fate = this.run.apart ? await this.#known() : 'rolled back'
      if (fate !== 'committed') throw fate === undefined ? ambiguous(error) : error
    }
    return done!.value
  }

  within(tx: unknown): WithinHandler<unknown, unknown> {
    return {
      complete: (result?: unknown) => this.#promised(() => this.#complete(tx, result)),
      enqueue: <D extends AnyTask>(
        task: D,
        ...[input, options]: InputArguments<D['~task']['input'], ChildOptions>
      ) => this.#promised(() => this.#child(tx, { task, input, options })) as Promise<ChildHandle<D>>,
    }
  }

  /** Behind the handler: what it left to a transaction is decided by that, and by nothing that it returned or threw. */
  async concluded(attempted: Attempted): Promise<Attempted> {
    if (this.run.apart) await this.#known()
    const { error } = attempted
    if (this.#committed && error !== undefined) {
      const { id, type } = this.run.claim
      const { logger } = this.services.connection
      logger.warn(
        { err: error, task: id, type },
        'the handler threw after its task had ended in a transaction',
      )
    }
    if (error === undefined || error !== this.#refused) return attempted
    return { outcome: { kind: 'invalid', error: taskError(error) }, error }
  }

  /** What a synchronous store throws is thrown at once; of any other it is a rejection. */
  #promised<T>(work: () => Answer<T>): Promise<T> {
    if (this.#transactions.work === 'synchronous') return work() as Promise<T>
    return Promise.resolve().then(work)
  }

  #checkUndecided(): void {
    if (!this.#committed && !this.run.apart) return this.throwIfLost()
    throw new InvalidArgumentError(
      `The outcome of task ${this.run.claim.id} is decided by a transaction already.`,
      {
        hint: 'Let one transaction end the task: do in it whatever has to be done together.',
      },
    )
  }

  #done<R>(tx: unknown, work: (tx: unknown) => R | PromiseLike<R>): Answer<R> {
    const answer = work(tx)
    if (!isThenable(answer)) return chain(this.#settle(tx, answer), () => answer)
    if (this.#transactions.work === 'synchronous') {
      answer.then(undefined, () => undefined) // it is refused, whatever becomes of it
      throw new InvalidArgumentError('The work of the transaction is asynchronous.', {
        hint: 'On a synchronous connection give a function that is done when it returns: everybody else waits for it.',
      })
    }
    return Promise.resolve(answer).then((value) => chain(this.#settle(tx, value), () => value))
  }

  #complete(tx: unknown, result: unknown): Answer<void> {
    this.#checkUndecided()
    return this.#settle(tx, result)
  }

  #settle(tx: unknown, value: unknown): Answer<void> {
    return chain(this.#payload(value), (result) => {
      if (this.#transactions.work === 'synchronous') return this.#write(tx, result)
      return this.run.quiet().then(() => this.#write(tx, result))
    })
  }

  #payload(value: unknown): Answer<Payload | null> {
    try {
      const payload = resultPayload(this.definition, this.run.claim.id, value)
      if (!(payload instanceof Promise)) return payload
      if (this.#transactions.work === 'synchronous') throw asynchronousSchema(this.definition, payload)
      return payload.catch((error: unknown) => this.#refuse(error))
    } catch (error) {
      return this.#refuse(error)
    }
  }

  #refuse(error: unknown): never {
    if (codeOf(error) !== undefined) this.#refused = error
    throw error
  }

  #write(tx: unknown, result: Payload | null): Answer<void> {
    const settlement = this.run.takeApart({ to: 'succeeded', result })
    try {
      const settled = this.#transactions.settle(tx, settlement)
      if (!(settled instanceof Promise)) return this.#heed(settled)
      return settled.then(
        (answer) => this.#heed(answer),
        (error: unknown) => this.#takeBack(error),
      )
    } catch (error) {
      return this.#takeBack(error)
    }
  }

  #heed(settled: Settled): void {
    switch (settled.verdict) {
      case 'applied':
        this.#receipt = settled.receipt
        return
      case 'stale':
        return this.#takeBack(new FencedError(this.run.claim.id))
      case 'busy':
        return this.#takeBack(
          new StoreError('store-busy', 'Somebody held the lock of this task for too long.', {
            effect: 'none',
            hint: 'Its outcome was not written: try again.',
          }),
        )
    }
  }

  /** Nothing was written. */
  #takeBack(error: unknown): never {
    this.#returns('rolled back')
    throw error
  }

  #returns(fate: Known): void {
    this.run.returns(fate)
    this.#receipt = undefined
    this.#committed = fate === 'committed'
    if (this.#committed) this.services.settledApart(this.run)
    else if (this.run.pending) this.services.settleSoon(this.run, this.run.urgent ? 'now' : 'later')
  }

  /** Asks the store until it knows; what nobody can say in time is not ours to settle. */
  async #known(): Promise<Known | undefined> {
    const { platform } = this.services.connection
    const end = platform.monotonicMs() + WORKER_PATIENCE_MS
    for (const waitMs of growingWaits(platform)) {
      const fate = await this.#fate()
      if (fate !== 'open') {
        this.#returns(fate)
        return fate
      }
      if (platform.monotonicMs() + waitMs > end) break
      await pause(platform, waitMs)
    }
    const { id, type } = this.run.claim
    this.services.connection.logger.warn(
      { err: this.#unanswered, task: id, type },
      'nobody can say whether the transaction was committed that has the outcome of the task: it is left to the store',
    )
    this.services.abandoned(this.run)
    return undefined
  }

  async #fate(): Promise<Fate> {
    if (this.#receipt === undefined) return 'open'
    try {
      return await this.#transactions.fate(this.#receipt)
    } catch (error) {
      this.#unanswered = error // it cannot be asked at this moment
      return 'open'
    }
  }

  #child(
    tx: unknown,
    {
      task,
      input,
      options,
    }: { readonly task: AnyTask; readonly input: unknown; readonly options: ChildOptions | undefined },
  ): Answer<ChildHandle> {
    this.throwIfLost()
    const draft = this.childDraft(task, input, options)
    return this.services.enqueuer.within(tx, this.#transactions).one(draft, this.run.fence)
  }
}

function effectOf(error: unknown): StoreError['effect'] | undefined {
  const isOurs = codeOf(error)?.startsWith('store-') === true && typeof error === 'object' && error !== null
  return isOurs && 'effect' in error ? (error.effect as StoreError['effect']) : undefined
}

/** @param payload is not waited for, whatever becomes of it */
function asynchronousSchema({ name }: AnyTask, payload: Promise<unknown>): InvalidArgumentError {
  payload.catch(() => undefined)
  return new InvalidArgumentError(`The output schema of ${name} is asynchronous.`, {
    hint: 'In a transaction on a synchronous connection nothing can be waited for: use a schema that answers at once.',
  })
}

function ambiguous(cause: unknown): AmbiguousError {
  return new AmbiguousError('It is not known whether the transaction was committed.', {
    cause,
    hint: 'The store knows: the task has ended with the transaction, or runs again without it.',
  })
}
