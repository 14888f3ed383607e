/**
 * Budgets: how much a queue or a partition may hold, and use in a time. A store keeps what was set, and tells what
 * there is; whether that is too much is decided by those who enqueue. Part of the port, whose rules hold here too.
 */
export interface Budgets {
  /** Sets what a scope may hold and use; `null` lifts it. At most 1 000 stand at once: one more is `too-many`, and not written. */
  configureBudget(request: BudgetSettings): Promise<'applied' | 'too-many'>
  /** All that are set, by kind and name. */
  budgets(): Promise<readonly BudgetSettings[]>
  /** What there is of each scope now, in the order of the questions; at most 1 000 of them. */
  usage(questions: readonly UsageQuestion[]): Promise<UsageAnswer>
  /**
   * Notes what was used of quotas. Each spender tells its own totals of a window, again and again: the greatest
   * stand, so that nothing is counted twice and no two write the same row. `prune` forgets windows that are over.
   * At most 1 000 spendings.
   */
  spend(request: SpendRequest): Promise<void>
}

/** A partition is meant in all queues; the partition `*` stands for all that have no budget of their own. */
export interface BudgetScope {
  readonly kind: 'queue' | 'partition'
  readonly name: string
}

/** The budget of a queue or partition; `null` lifts it. */
export interface BudgetSettings {
  readonly scope: BudgetScope
  readonly budget: Budget | null
}

/** `null`: as much as anybody wants. */
export interface Budget {
  /** Live tasks: those that have not ended. */
  readonly tasks: number | null
  /** Length of their payloads: bytes, or characters of texts where a store counts those. */
  readonly bytes: number | null
  readonly quota: Quota | null
}

/** What may be used in each window of `perMs`; windows follow each other without gaps from 1970 on. */
export interface Quota {
  /** Tasks that are enqueued. */
  readonly tasks: number | null
  /** Time in handlers. */
  readonly handlerMs: number | null
  /** From a second to 31 days. */
  readonly perMs: number
}

/** A period of a quota, in milliseconds of store time. */
export interface QuotaWindow {
  readonly from: number
  readonly until: number
}

/** Whose use is asked for, and in which period. */
export interface UsageQuestion {
  readonly scope: BudgetScope
  /** `null`: nothing of quotas is asked. */
  readonly window: QuotaWindow | null
}

/** What was in use, in the order of the questions. */
export interface UsageAnswer {
  /** Store time at which that is so. */
  readonly now: number
  readonly usages: readonly ScopeUsage[]
}

/** What a queue or partition holds, and what it has used in the period. */
export interface ScopeUsage {
  /** Live tasks, and bytes of their payloads. */
  readonly tasks: number
  readonly bytes: number
  readonly spent: Spent
}

/** What was used of a quota in its period. */
export interface Spent {
  readonly tasks: number
  readonly handlerMs: number
}

/** What a client has let in, and how long its handlers were busy, to be added up. */
export interface SpendRequest {
  /** Who tells: one for each client of a process. */
  readonly spender: string
  readonly spendings: readonly Spending[]
}

/** The spender's totals of a window. */
export interface Spending extends Spent {
  readonly scope: BudgetScope
  readonly window: QuotaWindow
}
