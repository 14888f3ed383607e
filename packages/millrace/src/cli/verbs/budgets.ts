import type { Command } from 'commander'
import {
  duration,
  InvalidArgumentError,
  type BudgetOptions,
  type BudgetReference,
  type Mill,
} from '@millrace/core'
import { grouped, table } from '../output.ts'
import { relative } from '../time.ts'
import { withStore } from '../session.ts'

type Budget = Awaited<ReturnType<Mill['budgets']['list']>>[number]

interface PutFlags {
  readonly tasks?: string
  readonly bytes?: string
  readonly quotaTasks?: string
  readonly handlerTime?: string
  readonly per?: string
}

export function addBudgets(program: Command): void {
  const budgets = program
    .command('budgets')
    .summary('what queues and partitions may hold and use')
    .description(
      'Lists the budgets of queues and partitions, and what there is. Whoever enqueues beyond one is turned away ' +
        '(BackpressureError).',
    )
    .action((_: unknown, command: Command) => list(command))
  budgets
    .command('put')
    .summary('set a budget')
    .description(
      'Sets what a queue or a partition may hold, and use in a time. All producers go by it within a second.',
    )
    .argument(
      '<scope>',
      'queue:NAME, or partition:KEY; partition:* stands for all that have none of their own',
    )
    .option('--tasks <n>', 'at most so many tasks that have not ended')
    .option('--bytes <n>', 'at most so many bytes of their payloads')
    .option('--quota-tasks <n>', 'at most so many tasks enqueued in each period')
    .option('--handler-time <duration>', 'at most so much time in handlers in each period: 10m')
    .option('--per <duration>', 'the length of a period: 1h')
    .action((scope: string, flags: PutFlags, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        await mill.budgets.put(referenceOf(scope), optionsOf(flags))
        if (output.json) output.value({ scope })
        else output.line(`The budget of ${scope} holds. To lift it: millrace budgets remove ${scope}`)
      }),
    )
  budgets
    .command('remove')
    .summary('lift a budget')
    .description('Lifts a budget: nothing is turned away for its sake any more.')
    .argument('<scope>', 'queue:NAME, or partition:KEY')
    .action((scope: string, _: unknown, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        await mill.budgets.remove(referenceOf(scope))
        if (output.json) output.value({ scope, removed: true })
        else output.line(`Nothing is turned away for ${scope} any more.`)
      }),
    )
}

async function list(command: Command): Promise<void> {
  await withStore(command, async ({ mill, output, place }) => {
    const found = await mill.budgets.list()
    if (output.json) return found.forEach((budget) => output.value(budget))
    if (found.length === 0) return output.line(`No budgets in ${place}: queues hold whatever is enqueued.`)
    const heads = ['SCOPE', 'TASKS', 'BYTES', 'TASKS IN PERIOD', 'HANDLER TIME', 'PERIOD ENDS']
    for (const line of table(heads, found.map(rowOf))) output.line(line)
  })
}

function rowOf({ scope, budget, tasks, bytes, spent, periodEndsAt }: Budget): string[] {
  const { quota } = budget
  // what all the others have used together is nobody's
  const used = (amount: number): string => (scope.name === '*' ? '' : `${grouped(Math.round(amount))} of `)
  const of = (amount: number, most: number | null | undefined, unit = ''): string =>
    most === null || most === undefined ? '' : `${used(amount)}${grouped(most)}${unit}`
  return [
    `${scope.kind}:${scope.name}`,
    of(tasks, budget.tasks),
    of(bytes, budget.bytes),
    of(spent.tasks, quota?.tasks),
    of(spent.handlerMs, quota?.handlerMs, ' ms'),
    periodEndsAt === null ? '' : relative(periodEndsAt.getTime(), Date.now()),
  ]
}

function referenceOf(scope: string): BudgetReference {
  if (scope.startsWith('queue:')) return { queue: scope.slice('queue:'.length) }
  if (scope.startsWith('partition:')) return { partition: scope.slice('partition:'.length) }
  throw new InvalidArgumentError(`The scope is ${JSON.stringify(scope)}.`, {
    hint: 'It is queue:NAME or partition:KEY.',
  })
}

function optionsOf({ tasks, bytes, quotaTasks, handlerTime, per }: PutFlags): BudgetOptions {
  const budget = { ...numberOf('tasks', tasks), ...numberOf('bytes', bytes) }
  if (quotaTasks === undefined && handlerTime === undefined && per === undefined) return budget
  if (per === undefined) {
    throw new InvalidArgumentError('A quota has no period.', { hint: 'Give its length, too: --per 1h' })
  }
  const time = handlerTime === undefined ? {} : { handlerTime: duration(handlerTime) }
  return { ...budget, quota: { ...numberOf('tasks', quotaTasks), ...time, per: duration(per) } }
}

function numberOf<K extends string>(name: K, text: string | undefined): { readonly [N in K]?: number } {
  if (text === undefined) return {}
  // nothing is no number: a variable of the shell that is not set would let nothing in any more
  const amount = text.trim() === '' ? Number.NaN : Number(text)
  return { [name]: amount } as { readonly [N in K]?: number }
}
