/** Enqueues as a guest in a transaction of the user's: checked and answered as ever, written when that commits. */
import { chain } from '../task/answer.ts'
import { checkedTaskId, type IdMaker } from '../task/ids.ts'
import { InvalidArgumentError, TooLargeError } from '../task/errors.ts'
import { LIMITS } from '../task/limits.ts'
import { payloadSize } from '../task/codec.ts'
import { bulkOrder, forgetIds } from './bulk-order.ts'
import { flowHandles, planOf, type FlowHandles, type Places } from './flow-plan.ts'
import { handleOf, type EnqueuedHandle } from './handle.ts'
import { checkGuestReplacements } from '../store/uniqueness.ts'
import { enqueuingMany, enqueuingOne, inherited } from './preparation.ts'
import { refusalOf } from './refusals.ts'
import { draftSpec, specOf, type TaskDraft } from './specs.ts'
import { createdOf, type Admission } from './budget-keeper.ts'
import type { EnqueuerContext } from './enqueuer.ts'
import type { AddVerdict, GroupAnswer, Store, TaskGroup } from '../store/port.ts'
import type { Answer, TransactionalStore, Transactions } from '../store/transactions.ts'
import type { AnyFlow } from '../task/flow.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Draft } from '../task/draft.ts'
import type { Fence, TaskSpec } from '../store/records.ts'

interface Parts extends EnqueuerContext {
  readonly transactions: Transactions<unknown>
  readonly ids: IdMaker
}

/** The transactions of a store that has them. */
export function transactionsOf(store: Store): Transactions<unknown> | undefined {
  return 'transactions' in store ? (store as TransactionalStore<unknown>).transactions : undefined
}

export class Guest {
  readonly #tx: unknown
  readonly #parts: Parts

  constructor(tx: unknown, parts: Parts) {
    this.#tx = tx
    this.#parts = parts
  }

  /** @param under the running task in whose name it is enqueued */
  one<D extends AnyTask>(given: TaskDraft<D>, under: Fence | null = null): Answer<EnqueuedHandle<D>> {
    const draft = inherited(given, under === null ? 'anybody' : 'handler')
    const { plugins, transactions } = this.#parts
    if (plugins === undefined) return this.#one(draft, under)
    return enqueuingOne<D>(plugins, { draft, work: transactions.work }, (changed) =>
      this.#one(changed, under),
    )
  }

  #one<D extends AnyTask>(draft: TaskDraft<D>, under: Fence | null): Answer<EnqueuedHandle<D>> {
    const { id } = draft.options
    return this.#opened(() => {
      const made =
        id === undefined
          ? specOf(draft, this.#parts.ids.next(), 'client')
          : specOf(draft, checkedTaskId(id), 'user')
      return chain(this.#known(made), (spec) =>
        chain(this.#add({ tasks: [spec], under, gate: null }), ([verdict]) =>
          handleOf(draft.task, { spec, verdict: verdict! }, this.#parts),
        ),
      )
    })
  }

  /** A flow, all or nothing. */
  flow<F extends AnyFlow>(flow: F): Answer<FlowHandles<F['~flow']>> {
    const { drafts, places } = planOf(flow)
    return chain(this.all(drafts, places), (handles) => flowHandles(flow, { drafts, handles }))
  }

  /** All or nothing. */
  all(drafts: readonly Draft[], places?: Places): Answer<EnqueuedHandle[]> {
    const { plugins, transactions } = this.#parts
    return enqueuingMany(plugins, { drafts, places, work: transactions.work }, (all) =>
      this.#prepared(drafts, all),
    )
  }

  #prepared(drafts: readonly Draft[], places: Places | undefined): Answer<EnqueuedHandle[]> {
    const { order, drawn } = bulkOrder(drafts, this.#parts.ids, places)
    const work = (): Answer<EnqueuedHandle[]> => {
      const fresh = new Set(drawn)
      const specs = order.map((index) => {
        const draft = drafts[index]!
        return this.#known(draftSpec(draft, fresh, places?.get(draft)))
      })
      return chain(allOf(specs), (tasks) => this.#all(drafts, { order, tasks }))
    }
    const forgetting = (error: unknown): never => {
      forgetIds(drawn) // nothing of it was written: under new ids it can be tried again
      throw error
    }
    try {
      const handles = this.#opened(work)
      return handles instanceof Promise ? handles.catch(forgetting) : handles
    } catch (error) {
      return forgetting(error)
    }
  }

  #all(
    drafts: readonly Draft[],
    { order, tasks }: { readonly order: readonly number[]; readonly tasks: readonly TaskSpec[] },
  ): Answer<EnqueuedHandle[]> {
    if (tasks.length === 0) return []
    checkSize(tasks)
    return chain(this.#add({ tasks, under: null, gate: null }), (verdicts) => {
      const handles: EnqueuedHandle[] = Array.from(drafts, () => undefined as never)
      for (const [position, index] of order.entries()) {
        const added = { spec: tasks[position]!, verdict: verdicts[position]! }
        handles[index] = handleOf(drafts[index]!.task, added, this.#parts)
      }
      return handles
    })
  }

  /** What is asked of a synchronous store happens in this very call, so it has to be open. */
  #opened<T>(work: () => Answer<T>): Answer<T> {
    const { transactions, connection } = this.#parts
    if (transactions.work === 'synchronous') return work()
    return connection.open().then(work)
  }

  #add(group: TaskGroup): Answer<readonly AddVerdict[]> {
    checkGuestReplacements(group)
    // whether it commits nobody knows: the next look at the store will tell what it holds, and of quotas it is used
    const admission = this.#parts.budgets.admitAtOnce(group.tasks)
    const answer = this.#asked(group, admission)
    return chain(answer, (added) => {
      const verdicts = added.outcome === 'added' ? added.tasks : []
      admission?.settled(createdOf(verdicts))
      if (added.outcome === 'added') return verdicts
      throw refusalOf(added, group)
    })
  }

  #asked(group: TaskGroup, admission: Admission | undefined): Answer<GroupAnswer> {
    const failed = (error: unknown): never => {
      admission?.settled(null)
      throw error
    }
    try {
      const answer = this.#parts.transactions.add(this.#tx, group)
      return answer instanceof Promise ? answer.catch(failed) : answer
    } catch (error) {
      return failed(error)
    }
  }

  #known(spec: Answer<TaskSpec>): Answer<TaskSpec> {
    if (!(spec instanceof Promise)) return spec
    spec.catch(() => undefined) // refused, or found bad after another was: nobody may be waiting for it by then
    if (this.#parts.transactions.work === 'asynchronous') return spec
    throw new InvalidArgumentError('The input schema is asynchronous.', {
      hint: 'In a transaction on a synchronous connection nothing can be waited for: use a schema that answers at once.',
    })
  }
}

function allOf<T>(answers: readonly Answer<T>[]): Answer<readonly T[]> {
  return answers.some((answer) => answer instanceof Promise)
    ? Promise.all(answers)
    : (answers as readonly T[])
}

/** In a transaction there is no need for a gate, and none is to be had. */
function checkSize(tasks: readonly TaskSpec[]): void {
  const bytes = tasks.reduce((sum, { payload }) => sum + payloadSize(payload), 0)
  if (tasks.length <= LIMITS.batchTasks && bytes <= LIMITS.batchBytes) return
  throw new TooLargeError(
    `${tasks.length} tasks of ${bytes} bytes are too many for one call in a transaction.`,
    {
      hint: `Enqueue them in calls of at most ${LIMITS.batchTasks} tasks and ${LIMITS.batchBytes} bytes: the transaction holds them together.`,
    },
  )
}
