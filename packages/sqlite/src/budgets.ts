/** What scopes may hold and use, and what they do. */
import {
  COUNT_BUDGETS,
  DELETE_BUDGET,
  HAS_BUDGET,
  PARTITION_LOAD,
  QUEUE_LOAD,
  READ_BUDGETS,
  SET_BUDGET,
  SPEND,
  SPENT,
} from './statements/budgets.ts'
import type {
  Budget,
  BudgetScope,
  BudgetSettings,
  QuotaWindow,
  SpendRequest,
  Spent,
  UsageAnswer,
  UsageQuestion,
} from '@millrace/core/store'
import type { Pass } from './home.ts'

const BUDGETS_MAX = 1_000

export function configureBudget(
  { database }: Pass,
  { scope: { kind, name }, budget }: BudgetSettings,
): 'applied' | 'too-many' {
  if (budget === null) {
    database.run(DELETE_BUDGET, kind, name)
    return 'applied'
  }
  const [count] = database.get<[number]>(COUNT_BUDGETS)!
  if (count >= BUDGETS_MAX && database.get(HAS_BUDGET, kind, name) === undefined) return 'too-many'
  database.run(SET_BUDGET, kind, name, JSON.stringify(budget))
  return 'applied'
}

export function budgets({ database }: Pass): readonly BudgetSettings[] {
  const rows = database.all<[BudgetScope['kind'], name: string, budget: string]>(READ_BUDGETS)
  return rows.map(([kind, name, budget]) => ({ scope: { kind, name }, budget: JSON.parse(budget) as Budget }))
}

export function usage(pass: Pass, questions: readonly UsageQuestion[]): UsageAnswer {
  const usages = questions.map(({ scope, window }) => {
    const load = scope.kind === 'queue' ? QUEUE_LOAD : PARTITION_LOAD
    const [tasks, bytes] = pass.database.get<[number, number]>(load, scope.name) ?? [0, 0]
    return { tasks, bytes, spent: spentIn(pass, scope, window) }
  })
  return { now: pass.now, usages }
}

function spentIn({ database }: Pass, { kind, name }: BudgetScope, window: QuotaWindow | null): Spent {
  if (window === null) return { tasks: 0, handlerMs: 0 }
  const { from, until } = window
  const [tasks, handlerMs] = database.get<[number, number]>(SPENT, kind, name, from, until)!
  return { tasks, handlerMs }
}

export function spend({ database, now }: Pass, { spender, spendings }: SpendRequest): null {
  for (const { scope, window, tasks, handlerMs } of spendings) {
    const { from, until } = window
    if (until > now) database.run(SPEND, scope.kind, scope.name, from, until, spender, tasks, handlerMs)
  }
  return null
}
