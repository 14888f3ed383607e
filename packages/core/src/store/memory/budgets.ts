/** What scopes may hold and use, and what they do. */
import { payloadSize } from '../../task/codec.ts'
import { frozenCopy } from './copies.ts'
import { isLive } from './task.ts'
import type {
  BudgetScope,
  BudgetSettings,
  ScopeUsage,
  SpendRequest,
  Spending,
  Spent,
  UsageAnswer,
  UsageQuestion,
  QuotaWindow,
} from '../budgets.ts'
import type { Home, Pass } from './home.ts'

const BUDGETS_MAX = 1_000

export function configureBudget(
  { home: { budgets } }: Pass,
  { scope, budget }: BudgetSettings,
): 'applied' | 'too-many' {
  const name = scopeName(scope)
  if (budget === null) budgets.delete(name)
  else if (budgets.size >= BUDGETS_MAX && !budgets.has(name)) return 'too-many'
  else budgets.set(name, frozenCopy({ scope, budget }))
  return 'applied'
}

export function budgets({ home }: Pass): readonly BudgetSettings[] {
  const names = [...home.budgets.keys()].toSorted()
  return names.map((name) => home.budgets.get(name)!)
}

/** Counted when asked: it costs a look at all that there is, which nobody minds here. */
export function usage({ home, now }: Pass, questions: readonly UsageQuestion[]): UsageAnswer {
  const usages = questions.map(({ scope, window }): ScopeUsage => {
    let tasks = 0
    let bytes = 0
    for (const { state, spec, payload } of home.tasks.values()) {
      const mine = scope.kind === 'queue' ? spec.queue : spec.lane?.partition
      if (!isLive(state) || mine !== scope.name) continue
      tasks += 1
      bytes += payloadSize(payload)
    }
    return { tasks, bytes, spent: spentIn(home, scope, window) }
  })
  return { now, usages }
}

function spentIn({ spendings }: Home, scope: BudgetScope, window: QuotaWindow | null): Spent {
  let tasks = 0
  let handlerMs = 0
  const name = scopeName(scope)
  for (const of of spendings.values()) {
    if (scopeName(of.scope) !== name) continue
    if (of.window.from !== window?.from || of.window.until !== window.until) continue
    tasks += of.tasks
    handlerMs += of.handlerMs
  }
  return { tasks, handlerMs }
}

export function spend({ home, now }: Pass, { spender, spendings }: SpendRequest): void {
  for (const spending of spendings) {
    const { scope, window } = spending
    if (window.until <= now) continue
    const name = JSON.stringify([scopeName(scope), window.from, window.until, spender])
    home.spendings.set(name, greatest(home.spendings.get(name), spending))
  }
}

/** Totals only grow: what comes late says less. */
function greatest(known: Spending | undefined, told: Spending): Spending {
  const tasks = Math.max(known?.tasks ?? 0, told.tasks)
  const handlerMs = Math.max(known?.handlerMs ?? 0, told.handlerMs)
  return frozenCopy({ ...told, tasks, handlerMs })
}

export function forgetSpendings({ home, now }: Pass): void {
  for (const [name, { window }] of home.spendings) if (window.until <= now) home.spendings.delete(name)
}

function scopeName({ kind, name }: BudgetScope): string {
  return `${kind} ${name}`
}
