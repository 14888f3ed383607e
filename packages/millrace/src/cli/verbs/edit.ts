import { PRIORITIES, type Priority, type TaskChanges } from '@millrace/core'
import { Option, type Command } from 'commander'
import { EXIT } from '../exits.ts'
import { CliError } from '../failure.ts'
import { pointInTime, typedJson } from '../options.ts'
import { checkReplacement } from '../definitions.ts'
import { withStore } from '../session.ts'

interface Options {
  readonly input?: string
  readonly priority?: Priority
  readonly runAt?: string
  readonly force?: boolean
}

export function addEdit(program: Command): void {
  const command = program
    .command('edit')
    .summary('change a task that waits')
    .description(
      'Changes the input, the priority or the due time of a task that waits. What was made of the old input stays: ' +
        'its unique key, its partition, the keys of its limits. Tasks that run or have ended are left alone.',
    )
    .argument('<id>', 'the id of the task')
    .option('--input <json>', 'the new input; - reads it from stdin')
    .addOption(new Option('--priority <level>', 'the new priority').choices([...PRIORITIES]))
    .option('--run-at <time>', 'when it is due from now on: 2026-01-31T08:00:00Z')
    .option('--force', 'take an input that does not match what the worker has published')
    .addHelpText(
      'after',
      `
Examples:
  millrace edit 0198c0de-0000-7000-8000-000000000000 --input '{"name":"Ada"}'
  millrace edit 0198c0de-0000-7000-8000-000000000000 --priority high --run-at 2026-01-31T08:00:00Z`,
    )
  command.action((id: string, options: Options) => edit(command, id, options))
}

async function edit(command: Command, id: string, options: Options): Promise<void> {
  const changes = await changesOf(options)
  await withStore(command, async ({ mill, output }) => {
    if (changes.input !== undefined && options.force !== true)
      await checkReplacement(changes.input, { ids: [id] }, { mill, output })
    const [outcome] = (await mill.tasks.edit(id, changes)).outcomes
    if (outcome === 'unknown')
      throw new CliError('not-found', `The store holds no task ${id}.`, 'See: millrace tasks')
    if (output.json) output.value({ id, outcome })
    else if (outcome === 'changed') output.line(`${id}  edited. See: millrace task ${id}`)
    else output.line(`${id}  runs, or has ended: only a task that waits can be edited.`)
    if (outcome !== 'changed') process.exitCode = EXIT.failed
  })
}

/** @throws CliError */
async function changesOf({ input, priority, runAt }: Options): Promise<TaskChanges> {
  if (input === undefined && priority === undefined && runAt === undefined)
    throw new CliError('usage', 'Nothing is to be changed.', 'Give --input, --priority or --run-at.')
  return {
    input: input === undefined ? undefined : await typedJson(input),
    priority,
    runAt: runAt === undefined ? undefined : pointInTime(runAt, '--run-at'),
  }
}
