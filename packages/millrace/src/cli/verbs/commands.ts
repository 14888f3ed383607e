/** cancel, retry, remove, hold, release: the verbs that act on tasks, by id or by filter. */
import type { CommandResult, Mill, TaskTarget } from '@millrace/core'
import type { CommandOutcome } from '@millrace/core/store'
import type { Command } from 'commander'
import { CliError, EXIT } from '../failure.ts'
import { counted } from '../output.ts'
import { stateOption, statesOf, type FilterOptions } from '../options.ts'
import { withStore } from '../session.ts'

interface Verb {
  readonly name: string
  readonly summary: string
  readonly description: string
  /** What was done, as in `3 tasks cancelled`. */
  readonly done: string
  readonly example: string
  act(mill: Mill, target: TaskTarget, options: Options): Promise<CommandResult>
}

interface Options extends FilterOptions {
  readonly reason?: string
}

const VERBS: readonly Verb[] = [
  {
    name: 'cancel',
    summary: 'cancel tasks',
    description: 'Cancels tasks: those that wait at once; the handlers of those that run are asked to stop.',
    done: 'cancelled, or asked to stop',
    example: 'millrace cancel --queue media --state pending',
    act: (mill, target, { reason }) => mill.tasks.cancel(target, { reason }),
  },
  {
    name: 'retry',
    summary: 'start failed or cancelled tasks over',
    description: 'Starts failed and cancelled tasks over, with all their attempts.',
    done: 'started over',
    example: 'millrace retry --state failed --type image.thumbnail',
    act: (mill, target) => mill.tasks.retry(target),
  },
  {
    name: 'remove',
    summary: 'remove tasks from the store',
    description: 'Removes tasks that do not run. Tasks that wait for them see a cancelled task.',
    done: 'removed',
    example: 'millrace remove --state succeeded --queue media',
    act: (mill, target) => mill.tasks.remove(target),
  },
  {
    name: 'hold',
    summary: 'keep waiting tasks from starting',
    description: 'Keeps tasks from starting until they are released.',
    done: 'held',
    example: 'millrace hold --queue media --state pending',
    act: (mill, target) => mill.tasks.hold(target),
  },
  {
    name: 'release',
    summary: 'let held tasks start',
    description: 'Lets tasks that are held start.',
    done: 'released',
    example: 'millrace release --queue media --state pending',
    act: (mill, target) => mill.tasks.release(target),
  },
]

const OUTCOMES: Readonly<Record<CommandOutcome, string>> = {
  changed: 'done',
  requested: 'runs, and is asked to stop',
  refused: 'not possible in its state',
  'key-held': 'not possible: another task holds its unique key now',
  unknown: 'not in this store',
}

export function addCommands(program: Command): void {
  for (const verb of VERBS) addVerb(program, verb)
}

function addVerb(program: Command, verb: Verb): void {
  const command = program
    .command(verb.name)
    .summary(verb.summary)
    .description(`${verb.description}\nSay which: by their ids, or by options that must all hold.`)
    .argument('[id...]', 'the ids of the tasks')
    .addOption(stateOption('all in these states'))
    .option('--queue <name>', 'all of this queue')
    .option('--type <task>', 'all of this task')
    .option('--tag <name>', 'all with this tag')
  if (verb.name === 'cancel') command.option('--reason <text>', 'why, for the record and the handler')
  command.addHelpText(
    'after',
    `\nExamples:\n  millrace ${verb.name} 0198c0de-0000-7000-8000-000000000000\n  ${verb.example}`,
  )
  command.action((ids: readonly string[], options: Options) => act(command, verb, { ids, options }))
}

async function act(
  command: Command,
  verb: Verb,
  { ids, options }: { readonly ids: readonly string[]; readonly options: Options },
): Promise<void> {
  const target = targetOf(ids, options)
  await withStore(command, async ({ mill, output }) => {
    const result = await verb.act(mill, target, options)
    const { matched, changed, outcomes } = result
    if (output.json) {
      output.value({
        matched,
        changed,
        outcomes: outcomes.map((outcome, index) => ({ id: ids[index], outcome })),
      })
    } else {
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome !== 'changed') output.line(`${ids[index]}  ${OUTCOMES[outcome]}`)
      }
      output.line(
        `${counted(changed, 'task')} ${verb.done}${matched === changed ? '.' : `, of ${matched} that matched.`}`,
      )
    }
    if (outcomes.some((outcome) => outcome !== 'changed' && outcome !== 'requested'))
      process.exitCode = EXIT.failed
  })
}

function targetOf(ids: readonly string[], { state, queue, type, tag }: Options): TaskTarget {
  const filter = { state: statesOf(state), queue, type, tag }
  const filtered = Object.values(filter).some((member) => member !== undefined)
  if (ids.length > 0 && filtered)
    throw new CliError('usage', 'Both ids and a filter are given.', 'Give one of them.')
  if (ids.length > 0) return ids
  if (filtered) return filter
  throw new CliError(
    'usage',
    'No task is named.',
    'Give ids, or at least one of --state, --queue, --type and --tag.',
  )
}
