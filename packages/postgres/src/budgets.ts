/** What queues and partitions may hold and use, and what they do. */
import { int8s, texts } from './arrays.ts'
import { partitionNumber } from './lanes.ts'
import { inPass, type Home } from './pass.ts'
import {
  COUNT_LIVE,
  DROP_BUDGET,
  HOLD_BUDGETS,
  READ_BUDGETS,
  SET_BUDGET,
  SPEND,
  SUM_SPENDINGS,
} from './statements/budgets.ts'
import type {
  Budget,
  BudgetScope,
  BudgetSettings,
  ScopeUsage,
  SpendRequest,
  Spent,
  UsageAnswer,
  UsageQuestion,
} from '@millrace/core/store'

const BUDGETS_MAX = 1_000

export function configureBudget(
  home: Home,
  { scope, budget }: BudgetSettings,
): Promise<'applied' | 'too-many'> {
  const { kind, name } = scope
  return inPass(home, async ({ connection }) => {
    await connection.run(HOLD_BUDGETS)
    if (budget === null) {
      await connection.run(DROP_BUDGET, [kind, name])
      return 'applied'
    }
    const set = await connection.run(SET_BUDGET, [kind, name, JSON.stringify(budget), BUDGETS_MAX])
    return set > 0 ? 'applied' : 'too-many'
  })
}

export async function budgets({ database }: Home): Promise<readonly BudgetSettings[]> {
  const rows = await database.rows<[kind: BudgetScope['kind'], name: string, budget: string]>(READ_BUDGETS)
  return rows.map(([kind, name, budget]) => ({ scope: { kind, name }, budget: JSON.parse(budget) as Budget }))
}

type Held = Pick<ScopeUsage, 'tasks' | 'bytes'>

const NOTHING_HELD: Held = { tasks: 0, bytes: 0 }
const NOTHING_SPENT: Spent = { tasks: 0, handlerMs: 0 }

export async function usage(home: Home, questions: readonly UsageQuestion[]): Promise<UsageAnswer> {
  const heldBy = await counted(home, questions)
  const { now, spentOn } = await summedUp(home, questions)
  const usages = questions.map(({ scope }, index): ScopeUsage => {
    return { ...(heldBy(scope) ?? NOTHING_HELD), spent: spentOn(index) ?? NOTHING_SPENT }
  })
  return { now, usages }
}

/** The partition by its place among those that are asked for. */
type CountRow = readonly [queue: number, partition: number | null, tasks: number, bytes: number]

async function counted(
  { database, names }: Home,
  questions: readonly UsageQuestion[],
): Promise<(scope: BudgetScope) => Held | undefined> {
  const queues = namesOf(questions, 'queue')
  const partitions = namesOf(questions, 'partition')
  if (questions.length === 0) return () => undefined
  const held = { queue: new Map<string, Held>(), partition: new Map<string, Held>() }
  const rows = await database.rows<CountRow>(COUNT_LIVE, [
    queues.length > 0,
    int8s(partitions.map(partitionNumber)),
  ])
  await names.queues.learn(rows.map(([queue]) => queue))
  for (const [queue, partition, tasks, bytes] of rows) {
    add(held.queue, names.queues.value(queue), { tasks, bytes })
    if (partition !== null) add(held.partition, partitions[partition - 1]!, { tasks, bytes })
  }
  return ({ kind, name }) => held[kind].get(name)
}

function namesOf(questions: readonly UsageQuestion[], kind: BudgetScope['kind']): readonly string[] {
  return [...new Set(questions.filter(({ scope }) => scope.kind === kind).map(({ scope }) => scope.name))]
}

function add(held: Map<string, Held>, name: string, { tasks, bytes }: Held): void {
  const before = held.get(name) ?? NOTHING_HELD
  held.set(name, { tasks: before.tasks + tasks, bytes: before.bytes + bytes })
}

type SpentRow = readonly [question: number, tasks: number, handlerMs: number]

async function summedUp(
  { database }: Home,
  questions: readonly UsageQuestion[],
): Promise<{ readonly now: number; readonly spentOn: (question: number) => Spent | undefined }> {
  const spent = new Map<number, Spent>()
  const windows = questions.flatMap(({ scope, window }, index) =>
    window === null ? [] : [{ scope, window, index }],
  )
  const [head, ...rows] = await database.rows<SpentRow>(SUM_SPENDINGS, [
    database.seen,
    texts(windows.map(({ scope }) => scope.kind)),
    texts(windows.map(({ scope }) => scope.name)),
    int8s(windows.map(({ window }) => window.from)),
    int8s(windows.map(({ window }) => window.until)),
  ])
  const now = head![1]
  database.saw(now)
  for (const [place, tasks, handlerMs] of rows) spent.set(windows[place - 1]!.index, { tasks, handlerMs })
  return { now, spentOn: (question) => spent.get(question) }
}

export async function spend({ database }: Home, { spender, spendings }: SpendRequest): Promise<void> {
  if (spendings.length === 0) return
  await database.run(SPEND, [
    database.seen,
    spender,
    texts(spendings.map(({ scope }) => scope.kind)),
    texts(spendings.map(({ scope }) => scope.name)),
    int8s(spendings.map(({ window }) => window.from)),
    int8s(spendings.map(({ window }) => window.until)),
    int8s(spendings.map(({ tasks }) => tasks)),
    spendings.map(({ handlerMs }) => handlerMs),
  ])
}
