import type { Clause, Explanation } from '@millrace/core'
import type { Command } from 'commander'
import { CliError } from '../failure.ts'
import { counted, grouped, paint, printable } from '../output.ts'
import { relative } from '../time.ts'
import { withStore } from '../session.ts'

export function addExplain(program: Command): void {
  program
    .command('explain')
    .summary('say why a task does not start, or ended so')
    .description(
      'Says why a task has not started, what it is doing, or why it ended as it did: what keeps it most comes first. ' +
        'It reads, and changes nothing.',
    )
    .argument('<id>', 'the id of the task')
    .addHelpText('after', '\nExample:\n  millrace explain 0198c0de-0000-7000-8000-000000000000')
    .action((id: string, _: unknown, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        const explanation = await mill.tasks.explain(id)
        if (explanation.state === 'unknown') throw unknown(id)
        if (output.json) return output.value(explanation)
        for (const line of linesOf(explanation)) output.line(line)
      }),
    )
}

function unknown(id: string): CliError {
  return new CliError(
    'not-found',
    `The store holds no task ${id}, and does not remember it.`,
    'It was never enqueued here, or was removed long ago. See: millrace tasks',
  )
}

function linesOf(explanation: Explanation): readonly string[] {
  const { id, state, type, queue, clauses } = explanation
  const what = type === null ? '' : ` (${type}, queue ${queue})`
  return [
    `Task ${id}${paint('dim', what)}: ${paint('bold', state)}`,
    '',
    ...clauses.flatMap((clause) => [`  ${printable(clause.sentence)}`, ...helpLines(clause, id)]),
    ...outlookLines(explanation),
    '',
    paint('dim', `All about it: millrace task ${id}   What happened to it: millrace history ${id}`),
  ]
}

function helpLines(clause: Clause, id: string): readonly string[] {
  const help = helpWith(clause, id)
  return help === undefined ? [] : [paint('dim', `    ${printable(help)}`)]
}

/** What somebody can do about it who wants the task to go on. */
function helpWith(clause: Clause, id: string): string | undefined {
  switch (clause.code) {
    case 'held':
      return `millrace release ${id}`
    case 'queue-paused':
      return `millrace resume ${clause.queue}`
    case 'no-worker':
      return 'millrace worker FILE starts one'
    case 'type-unhandled':
    case 'queue-unserved':
    case 'offers-missing':
    case 'version-unknown':
    case 'workers-draining':
      return 'millrace workers shows who is there'
    case 'waits-for':
      return `millrace explain ${clause.parents[0]!.id}`
    case 'strict-order':
      return `millrace explain ${clause.behind.id}`
    case 'limit-full':
    case 'limit-shut':
    case 'rate-full':
      return 'millrace limits shows them, and sets them'
    case 'breaker-open':
    case 'breaker-probing':
      return `millrace breakers reset ${clause.breaker} closes it`
    case 'failed':
    case 'cancelled':
      return `millrace retry ${id} starts it over`
    default:
      return undefined
  }
}

function outlookLines({ position, estimate, at }: Explanation): readonly string[] {
  const lines: string[] = []
  if (position !== undefined) {
    const before = position.higher + position.same
    const more = position.counted === 'some' ? 'more than ' : ''
    lines.push(
      before === 0 && more === ''
        ? 'Place       first in its queue'
        : `Place       behind ${more}${counted(before, 'task')}, ${grouped(position.higher)} of them of higher priority`,
    )
  }
  if (estimate !== undefined) {
    const { startsAt, bound } = estimate
    const when = startsAt <= at ? 'now' : relative(startsAt, at)
    lines.push(`Starts      ${bound === 'about' ? when : `${when}, at the earliest`}`)
  }
  return lines.length === 0 ? [] : ['', ...lines.map((line) => `  ${line}`)]
}
