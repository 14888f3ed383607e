import type { PayloadCheck } from '@millrace/core'
import type { Command } from 'commander'
import { CliError } from '../failure.ts'
import { loadHandlers } from '../handlers.ts'
import { counted, paint, printable, type Output } from '../output.ts'
import { withStore } from '../session.ts'

export function addCheck(program: Command): void {
  program
    .command('check')
    .summary('look whether what is queued fits the code that is to run it')
    .description(
      'Loads the handlers of modules and runs the steps between versions, and the schemas, of their definitions over every ' +
        'task of theirs that is queued or runs in the store. It says which do not fit, and which schemas were changed ' +
        'without a new version since workers of the store published them. Nothing is written, no handler is called.',
    )
    .argument('<file...>', 'modules that export handlers')
    .addHelpText(
      'after',
      `
Examples:
  millrace check src/handlers.ts     before a deployment: exit with 1 if anything does not fit`,
    )
    .action((files: readonly string[], _: object, command: Command) => check(command, files))
}

async function check(command: Command, files: readonly string[]): Promise<void> {
  const handlers = await loadHandlers(files)
  let failed = 0
  await withStore(command, async ({ mill, output, place }) => {
    const found = await mill.check(handlers)
    failed = found.failing + found.changed.length
    tell(output, place, found)
  })
  if (failed === 0) return
  throw new CliError(
    'failed',
    `${counted(failed, 'finding')}.`,
    'Raise `version` and give the definition an `upcast` from the one before; what cannot be mended, cancel or remove.',
  )
}

function tell(output: Output, place: string, { misfits, changed, ...counts }: PayloadCheck): void {
  if (output.json) {
    for (const change of changed) output.value({ kind: 'changed', ...change })
    for (const misfit of misfits) output.value({ kind: 'misfit', ...misfit })
    return output.value({ ...counts, changed: changed.length })
  }
  for (const { type, version } of changed)
    output.line(
      `${paint('yellow', 'changed')}  ${type}: the schema of version ${version} is not the one that workers have published`,
    )
  for (const { id, type, state, version, message } of misfits)
    output.line(
      `${paint('red', 'misfit')}  ${id}  ${type}, version ${version}, ${state}: ${printable(message)}`,
    )
  const { tasks, later, failing } = counts
  if (failing > misfits.length) output.line(`… and ${counted(failing - misfits.length, 'more task')}.`)
  const unread = later === 0 ? '' : `; ${later} of them have no input yet`
  output.line(`${counted(tasks, 'task')} in ${place} looked at${unread}.`)
}
