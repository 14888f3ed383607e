/** Budgets and what there is of their scopes, as they travel. */
import * as scripts from './lua/scripts.ts'
import { packText } from './exchanging.ts'
import type {
  Budget,
  BudgetScope,
  BudgetSettings,
  QuotaWindow,
  ScopeUsage,
  SpendRequest,
  UsageAnswer,
  UsageQuestion,
} from '@millrace/core/store'
import type { Home } from './home.ts'
import type { Reply } from './line.ts'

export async function configureBudget(
  home: Home,
  { scope, budget }: BudgetSettings,
): Promise<'applied' | 'too-many'> {
  const reply = await home.ask(scripts.configureBudget, (packer) => {
    packer.array(2).text(scopeText(scope))
    packText(packer, budget === null ? null : JSON.stringify(budget))
  })
  return reply === 1 ? 'applied' : 'too-many'
}

export async function budgets(home: Home): Promise<readonly BudgetSettings[]> {
  const reply = await home.ask(scripts.budgets, (packer) => packer.array(0))
  const flat = (reply as readonly Buffer[]).map(String)
  const rows: (readonly [scope: string, text: string])[] = []
  for (let i = 0; i < flat.length; i += 2) rows.push([flat[i]!, flat[i + 1]!])
  return rows
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([scope, text]) => ({ scope: scopeOf(scope), budget: JSON.parse(text) as Budget }))
}

export async function usage(home: Home, questions: readonly UsageQuestion[]): Promise<UsageAnswer> {
  const reply = await home.ask(scripts.usage, (packer) => {
    packer.array(3 * questions.length)
    for (const { scope, window } of questions) {
      packer.text(scope.kind).text(scope.name)
      packText(packer, window === null ? null : windowText(scope, window))
    }
  })
  const [now, ...flat] = reply as readonly [number, ...Reply[]]
  const usages: ScopeUsage[] = []
  for (let i = 0; i < flat.length; i += 4) {
    const [tasks, bytes, spentTasks, handlerMs] = flat.slice(i, i + 4)
    const spent = { tasks: Number(spentTasks), handlerMs: Number(String(handlerMs)) }
    usages.push({ tasks: Number(tasks), bytes: Number(bytes), spent })
  }
  return { now, usages }
}

export async function spend(home: Home, { spender, spendings }: SpendRequest): Promise<void> {
  if (spendings.length === 0) return
  await home.ask(scripts.spend, (packer) => {
    packer.array(1 + 4 * spendings.length).text(spender)
    for (const { scope, window, tasks, handlerMs } of spendings) {
      packer.text(windowText(scope, window)).int(window.until)
      packer.text(String(tasks)).text(String(handlerMs))
    }
  })
}

/** A window of a scope: no kind has a blank in it, so that no two have the same text. */
function windowText(scope: BudgetScope, { from, until }: QuotaWindow): string {
  return `${from} ${until} ${scopeText(scope)}`
}

function scopeText({ kind, name }: BudgetScope): string {
  return `${kind} ${name}`
}

function scopeOf(text: string): BudgetScope {
  const kind = text.startsWith('queue ') ? 'queue' : 'partition'
  return { kind, name: text.slice(kind.length + 1) }
}
