/** `mill.budgets`: what queues and partitions may hold, and use in a time. */
import { checkedKey, checkedName, LIMITS } from '../task/limits.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { durationMs, type Duration } from '../task/duration.ts'
import { InvalidArgumentError, TooLargeError } from '../task/errors.ts'
import { shown } from '../task/shown.ts'
import { windowOf } from '../policy/budgets.ts'
import type { Budget, BudgetScope, Quota, ScopeUsage } from '../store/budgets.ts'
import type { Connection } from './connection.ts'

/** What a budget is for. A partition is meant in all queues; `*` stands for each that has no budget of its own. */
export type BudgetReference = { readonly queue: string } | { readonly partition: string }

/** What a queue or a partition may hold, and use in a time; what is left out is not limited. */
export interface BudgetOptions {
  /** Tasks that have not ended. */
  readonly tasks?: number | undefined
  /** Bytes of their payloads. */
  readonly bytes?: number | undefined
  readonly quota?: QuotaOptions | undefined
}

/** What may be used in each period; periods follow each other without gaps from 1970 on, in UTC. */
export interface QuotaOptions {
  /** Tasks that are enqueued. */
  readonly tasks?: number | undefined
  /** Time in handlers, of all workers together. */
  readonly handlerTime?: Duration | undefined
  /** The length of a period, from 1 s to 31 d. */
  readonly per: Duration
}

/** A budget, and what there is. */
export interface BudgetStatus extends ScopeUsage {
  readonly scope: BudgetScope
  readonly budget: Budget
  /** When the period of the quota ends; `null`: it has none. What was spent is of this period. */
  readonly periodEndsAt: Date | null
}

const SECOND_MS = 1_000
const PERIOD_MAX_MS = 31 * 86_400_000

/** `mill.budgets`: how much queues and partitions may hold, and use in a time. */
export class BudgetControl {
  readonly #connection: Connection
  readonly #changed: () => void

  /** @param changed is called when a budget was set or lifted here */
  constructor(connection: Connection, changed: () => void) {
    this.#connection = connection
    this.#changed = changed
  }

  /**
   * Says how much a queue or a partition may hold, and use in a time; whoever enqueues beyond it gets a
   * BackpressureError. All producers go by it within a second.
   *
   * @throws InvalidArgumentError; TooLargeError if a thousand budgets stand already; StoreError
   */
  async put(reference: BudgetReference, options: BudgetOptions): Promise<void> {
    const scope = scopeOf(reference)
    const budget = budgetOf(options)
    const answer = await this.#configure(scope, budget)
    if (answer === 'applied') return
    throw new TooLargeError('A thousand budgets stand already.', {
      hint: "Remove some, or give all partitions one: mill.budgets.put({ partition: '*' }, …).",
    })
  }

  /** Nothing is turned away for its sake any more. */
  async remove(reference: BudgetReference): Promise<void> {
    await this.#configure(scopeOf(reference), null)
  }

  /** All budgets, by kind and name, and what there is; of `*` nothing is summed up. */
  list(): Promise<readonly BudgetStatus[]> {
    return this.#connection.operation(async () => {
      const settings = await this.#connection.read((store) => store.budgets())
      const asked = await this.#connection.read((store) => store.now())
      const all: BudgetStatus[] = []
      for (let from = 0; from < settings.length; from += LIMITS.batchTasks) {
        const part = settings.slice(from, from + LIMITS.batchTasks)
        const questions = part.map(({ scope, budget }) => {
          const quota = budget?.quota ?? null
          return { scope, window: quota === null ? null : windowOf(quota, asked) }
        })
        const { usages } = await this.#connection.read((store) => store.usage(questions))
        for (const [index, { scope, budget }] of part.entries()) {
          const { window } = questions[index]!
          const periodEndsAt = window === null ? null : new Date(window.until)
          if (budget !== null) all.push({ scope, budget, ...usages[index]!, periodEndsAt })
        }
      }
      return all
    })
  }

  #configure(scope: BudgetScope, budget: Budget | null): Promise<'applied' | 'too-many'> {
    return this.#connection.operation(async () => {
      const answer = await this.#connection.call((store) => store.configureBudget({ scope, budget }))
      this.#changed()
      return answer
    })
  }
}

function scopeOf(reference: BudgetReference): BudgetScope {
  checkMembers(reference, REFERENCE_MEMBERS, 'the queue or partition of a budget')
  if ('queue' in reference && !('partition' in reference))
    return { kind: 'queue', name: checkedName(reference.queue, 'The queue') }
  if ('partition' in reference && !('queue' in reference))
    return { kind: 'partition', name: checkedKey(reference.partition, 'The partition') }
  throw new InvalidArgumentError(`A budget is for ${shown(reference)}.`, {
    hint: "It is for { queue: 'name' } or for { partition: 'key' }.",
  })
}

function budgetOf(options: BudgetOptions): Budget {
  checkMembers(options, BUDGET_MEMBERS, 'budgets.put')
  const { tasks, bytes, quota } = options
  const budget: Budget = {
    tasks: tasks === undefined ? null : checkedAmount(tasks, 'tasks'),
    bytes: bytes === undefined ? null : checkedAmount(bytes, 'bytes'),
    quota: quota === undefined ? null : quotaOf(quota),
  }
  if (budget.tasks !== null || budget.bytes !== null || budget.quota !== null) return budget
  throw new InvalidArgumentError('Nothing is limited by this budget.', {
    hint: 'Give tasks, bytes or quota; budgets.remove lifts a budget.',
  })
}

function quotaOf(options: QuotaOptions): Quota {
  checkMembers(options, QUOTA_MEMBERS, 'quota')
  const { tasks, handlerTime, per } = options
  const perMs = durationMs(per, 'quota.per')
  if (perMs < SECOND_MS || perMs > PERIOD_MAX_MS)
    throw new InvalidArgumentError(`quota.per is ${shown(per)}.`, { hint: 'It is from 1s to 31d.' })
  if (tasks === undefined && handlerTime === undefined) {
    throw new InvalidArgumentError('Nothing is limited by this quota.', {
      hint: 'Give tasks, or handlerTime, or both.',
    })
  }
  return {
    tasks: tasks === undefined ? null : checkedAmount(tasks, 'quota.tasks'),
    handlerMs: handlerTime === undefined ? null : durationMs(handlerTime, 'quota.handlerTime'),
    perMs,
  }
}

function checkedAmount(amount: number, what: string): number {
  if (Number.isSafeInteger(amount) && amount >= 0) return amount
  throw new InvalidArgumentError(`${what} is ${shown(amount)}.`, { hint: 'It is a whole number from 0.' })
}

const REFERENCE_MEMBERS: Members<{ readonly queue: string; readonly partition: string }> = {
  queue: true,
  partition: true,
}
const BUDGET_MEMBERS: Members<BudgetOptions> = { tasks: true, bytes: true, quota: true }
const QUOTA_MEMBERS: Members<QuotaOptions> = { tasks: true, handlerTime: true, per: true }
