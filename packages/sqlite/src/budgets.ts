/** What scopes may hold and use, and what they do. */
import {
  ANY_BUDGETS,
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
import { beginLoads, loadsNow } from './loads.ts'
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
import type { Connection } from './database.ts'
import type { Pass } from './home.ts'

const BUDGETS_MAX = 1_000

/** Of a name that nobody knows: keys begin with 1. */
const NONE = [0, 0, 0] as const

/** Whether there are budgets: what is live is counted only then. */
export class Budgets {
  readonly #database: Connection
  #any: boolean | undefined

  constructor(database: Connection) {
    this.#database = database
  }

  /** Budgets were set, others have written, or a transaction was taken back. */
  forget(): void {
    this.#any = undefined
  }

  get any(): boolean {
    this.#any ??= this.#database.get<[number]>(ANY_BUDGETS)![0] === 1
    return this.#any
  }
}

export function configureBudget(
  pass: Pass,
  { scope: { kind, name }, budget }: BudgetSettings,
): 'applied' | 'too-many' {
  const { database, budgets: known } = pass
  if (budget === null) {
    database.run(DELETE_BUDGET, kind, name)
    known.forget()
    return 'applied'
  }
  const [count] = database.get<[number]>(COUNT_BUDGETS)!
  if (count >= BUDGETS_MAX && database.get(HAS_BUDGET, kind, name) === undefined) return 'too-many'
  database.run(SET_BUDGET, kind, name, JSON.stringify(budget))
  if (count > 0) return 'applied'
  known.forget()
  beginLoads(pass)
  return 'applied'
}

export function budgets({ database }: Pass): readonly BudgetSettings[] {
  const rows = database.all<[BudgetScope['kind'], name: string, budget: string]>(READ_BUDGETS)
  return rows.map(([kind, name, budget]) => ({ scope: { kind, name }, budget: JSON.parse(budget) as Budget }))
}

export function usage(pass: Pass, questions: readonly UsageQuestion[]): UsageAnswer {
  const counted = pass.budgets.any ? null : loadsNow(pass)
  const usages = questions.map(({ scope, window }) => {
    const [statement, loads] =
      scope.kind === 'queue' ? [QUEUE_LOAD, counted?.queues] : [PARTITION_LOAD, counted?.partitions]
    const row = pass.database.get<[key: number, tasks: number, bytes: number]>(statement, scope.name)
    const [key, tasks, bytes] = row ?? NONE
    const load = loads === undefined ? { tasks, bytes } : (loads.get(key) ?? { tasks: 0, bytes: 0 })
    return { ...load, spent: spentIn(pass, scope, window) }
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
