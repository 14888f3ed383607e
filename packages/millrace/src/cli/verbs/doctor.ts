import type { Examination, Finding } from '@millrace/core'
import type { Command } from 'commander'
import { CliError } from '../failure.ts'
import { counted, paint, printable, type Output } from '../output.ts'
import { withStore } from '../session.ts'

interface Options {
  readonly fix?: boolean
}

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .summary('look whether everything in the store is as it must be')
    .description(
      'Looks at all tasks, queues, schedules and limits for what should never be, whatever crashed: counts that do not add up, ' +
        'tasks that wait for nothing or that nobody looks after, slots of limits that nobody holds, fire times that were ' +
        'taken twice. Then at what the store keeps beside the tasks (keys, dependencies, lines, claims, payloads), and at the ' +
        'engine: its schema, its settings, and whether it has room. Nothing is written without --fix.',
    )
    .option(
      '--fix',
      'mend what can be mended for certain: counts, and what belongs to no task or is missing of one',
    )
    .addHelpText(
      'after',
      `
Examples:
  millrace doctor             say what is wrong, and exit with 1 if anything is
  millrace doctor --fix       mend it, and exit with 1 if anything is left

It reads every task, in pages, while everything goes on. What it finds it looks for again five seconds later: what is
only on its way is no finding.`,
    )
    .action((options: Options, command: Command) => doctor(command, options))
}

async function doctor(command: Command, { fix = false }: Options): Promise<void> {
  const left = await findingsLeft(command, fix)
  if (left.length === 0) return
  const mendable = !fix && left.some(({ remedy }) => remedy === 'repair')
  throw new CliError(
    'failed',
    `${counted(left.length, 'finding')} left.`,
    mendable
      ? 'To mend what can be mended: millrace doctor --fix'
      : 'What has the remedy "worker" is mended by any worker that runs; the rest needs a look by hand.',
  )
}

/** What was not repaired. */
async function findingsLeft(command: Command, repair: boolean): Promise<readonly Finding[]> {
  let left: readonly Finding[] = []
  await withStore(command, async ({ mill, output, place }) => {
    const examination = await mill.examine({ repair })
    tell(output, place, examination)
    left = examination.findings.filter(({ outcome }) => outcome === 'reported')
  })
  return left
}

function tell(output: Output, place: string, { tasks, findings, unseen }: Examination): void {
  if (output.json) {
    for (const finding of findings) output.value(finding)
    return output.value({ tasks, findings: findings.length, unseen })
  }
  for (const { code, message, outcome, remedy } of findings) {
    const by = outcome === 'repaired' ? '' : paint('dim', `  (remedy: ${remedy})`)
    const what = paint(outcome === 'repaired' ? 'green' : 'yellow', outcome)
    output.line(`${what}  ${code}: ${printable(message)}${by}`)
  }
  for (const what of unseen) output.line(`${paint('dim', 'not seen')}  ${printable(what)}`)
  const found = findings.length === 0 ? 'Everything is as it must be' : counted(findings.length, 'finding')
  output.line(`${found}: ${counted(tasks, 'task')} in ${place} looked at.`)
}
