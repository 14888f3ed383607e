/** cancel, retry, remove, hold, release: the verbs that act on tasks, by id or by filter. */
import type { CommandResult, TaskTarget } from '@millrace/core'
import type { CommandOutcome } from '@millrace/core/store'
import type { Command } from 'commander'
import { CliError } from '../failure.ts'
import { EXIT } from '../exits.ts'
import { counted } from '../output.ts'
import {
  addFilterOptions,
  queryOf,
  stateOption,
  statesOf,
  typedJson,
  type FilterOptions,
} from '../options.ts'
import { checkReplacement } from '../definitions.ts'
import { withStore, type Session } from '../session.ts'

interface Verb {
  readonly name: string
  readonly summary: string
  readonly description: string
  /** What was done, as in `3 tasks cancelled`. */
  readonly done: string
  readonly example: string
  act(session: Session, target: TaskTarget, options: Options): Promise<CommandResult>
}

interface Options extends FilterOptions {
  readonly reason?: string
  readonly input?: string
  readonly force?: boolean
  readonly preview?: boolean
}

const VERBS: readonly Verb[] = [
  {
    name: 'cancel',
    summary: 'cancel tasks',
    description: 'Cancels tasks: those that wait at once; the handlers of those that run are asked to stop.',
    done: 'cancelled, or asked to stop',
    example: 'millrace cancel --queue media --state pending',
    act: ({ mill }, target, { reason, preview }) => mill.tasks.cancel(target, { reason, preview }),
  },
  {
    name: 'retry',
    summary: 'start failed or cancelled tasks over',
    description: 'Starts failed and cancelled tasks over, with all their attempts.',
    done: 'started over',
    example: 'millrace retry --state failed --type image.thumbnail',
    act: retry,
  },
  {
    name: 'remove',
    summary: 'remove tasks from the store',
    description: 'Removes tasks that do not run. Tasks that wait for them see a cancelled task.',
    done: 'removed',
    example: 'millrace remove --state succeeded --queue media',
    act: ({ mill }, target, { preview }) => mill.tasks.remove(target, { preview }),
  },
  {
    name: 'hold',
    summary: 'keep waiting tasks from starting',
    description: 'Keeps tasks from starting until they are released.',
    done: 'held',
    example: 'millrace hold --queue media --state pending',
    act: ({ mill }, target, { preview }) => mill.tasks.hold(target, { preview }),
  },
  {
    name: 'release',
    summary: 'let held tasks start',
    description: 'Lets tasks that are held start.',
    done: 'released',
    example: 'millrace release --queue media --state pending',
    act: ({ mill }, target, { preview }) => mill.tasks.release(target, { preview }),
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
  addFilterOptions(command, 'all').option('--preview', 'only say how many tasks that would be')
  if (verb.name === 'retry') {
    command
      .option('--input <json>', 'an input in place of the old one; - reads it from stdin')
      .option('--force', 'take an input that does not match what the worker has published')
  }
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
  await withStore(command, async (session) => {
    const { output } = session
    const result = await verb.act(session, target, options)
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
      const would = options.preview === true ? ' would be' : ''
      output.line(
        `${counted(changed, 'task')}${would} ${verb.done}${matched === changed ? '.' : `, of ${matched} that matched.`}`,
      )
    }
    if (outcomes.some((outcome) => outcome !== 'changed' && outcome !== 'requested'))
      process.exitCode = EXIT.failed
  })
}

/** The new input is checked as one that is enqueued. */
async function retry(
  { mill, output }: Session,
  target: TaskTarget,
  { input: json, preview, type, force = false }: Options,
): Promise<CommandResult> {
  if (json === undefined) return mill.tasks.retry(target, { preview })
  const input = await typedJson(json)
  const about = type === undefined && Array.isArray(target) ? { ids: target } : { types: [type ?? ''] }
  if (!force) await checkReplacement(input, about, { mill, output })
  return mill.tasks.retry(target, { input, preview })
}

function targetOf(ids: readonly string[], options: Options): TaskTarget {
  const filter = { state: statesOf(options.state), ...queryOf(options) }
  const filtered = Object.values(filter).some((member) => member !== undefined)
  if (ids.length > 0 && filtered)
    throw new CliError('usage', 'Both ids and a filter are given.', 'Give one of them.')
  if (ids.length > 0) return ids
  if (filtered) return filter
  throw new CliError(
    'usage',
    'No task is named.',
    'Give ids, or at least one of --state, --queue, --type, --tag, --metadata and --text.',
  )
}
