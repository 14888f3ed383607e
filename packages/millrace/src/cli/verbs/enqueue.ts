import {
  PRIORITIES,
  type Dependency,
  type Duration,
  type EnqueuedHandle,
  type EnqueueOptions,
  type Priority,
} from '@millrace/core'
import { Option, type Command } from 'commander'
import { CliError } from '../failure.ts'
import { checkFit, definitionOf, uniqueOf } from '../definitions.ts'
import { givenKeys, keyOptions, type KeyOptions } from '../key-options.ts'
import { listed, pointInTime, typedJson } from '../options.ts'
import type { Output } from '../output.ts'
import { withStore, type Session } from '../session.ts'

interface Options extends KeyOptions {
  readonly queue?: string
  readonly priority?: Priority
  readonly delay?: string
  readonly runAt?: string
  readonly id?: string
  readonly after?: readonly string[]
  readonly tag?: readonly string[]
  readonly unique?: string
  readonly force?: boolean
}

export function addEnqueue(program: Command): void {
  const command = program
    .command('enqueue')
    .summary('enqueue a task')
    .description(
      'Enqueues a task for the workers. Its queue, priority, retries and time limits are those of its definition, ' +
        'which the store knows from the workers that handle it; so is the schema that its input must match.',
    )
    .argument('<task>', 'the name of the task')
    .argument('[json]', 'its input as JSON; - reads it from stdin')
    .option('--queue <name>', "the queue, instead of the definition's")
    .addOption(
      new Option('--priority <level>', "the priority, instead of the definition's").choices([...PRIORITIES]),
    )
    .option('--delay <duration>', 'not before so long: 250ms, 30s, 5m, 2h, 1d, 1w')
    .option('--run-at <time>', 'not before a point in time: 2026-01-31T08:00:00Z')
    .option('--id <uuid>', 'the id: enqueued twice under one id it is one task')
    .option('--after <id...>', 'wait until these tasks have succeeded')
    .option('--tag <name...>', 'names to find it by')
    .option('--unique <key>', 'its key, of which there is one task at a time')
    .option('--force', 'enqueue a task that no worker has ever published, or an input that does not match')
    .addHelpText(
      'after',
      `
Examples:
  millrace enqueue greet '{"name":"Ada"}'
  millrace enqueue report.daily --delay 5m --priority low
  echo '{"path":"a.png"}' | millrace enqueue image.thumbnail -`,
    )
  for (const option of keyOptions()) command.addOption(option)
  command.action((task: string, json: string | undefined, options: Options) =>
    enqueue(command, { task, json, options }),
  )
}

async function enqueue(
  command: Command,
  {
    task,
    json,
    options,
  }: { readonly task: string; readonly json: string | undefined; readonly options: Options },
): Promise<void> {
  const input = json === undefined ? undefined : await typedJson(json)
  const enqueueOptions = optionsOf(options)
  const keys = givenKeys(options)
  const enqueueIn = async ({ mill, output }: Session): Promise<void> => {
    const force = options.force ?? false
    const definition = definitionOf(task, await mill.definitions(), { force, ...keys })
    const unique = uniqueOf(definition, options.unique)
    if (!force)
      await checkFit(input, { type: task, schema: definition.schema }, (message) => output.warn(message))
    tell(output, await mill.enqueue(definition.task, input, { ...enqueueOptions, unique }))
  }
  await withStore(command, enqueueIn, { withPlugins: true })
}

function tell(output: Output, handle: EnqueuedHandle): void {
  if (output.json) return output.value(valueOf(handle))
  if (handle.outcome === 'duplicate')
    return output.line(`${handle.id}  is there already (${handle.by.state}); nothing was enqueued.`)
  if (handle.outcome === 'replaced')
    return output.line(`${handle.id}  enqueued in the place of ${handle.previous}, which is cancelled.`)
  output.line(`${handle.id}  enqueued. See: millrace task ${handle.id}`)
}

function valueOf(handle: EnqueuedHandle): object {
  const { id, outcome } = handle
  if (handle.outcome === 'duplicate') return { id, outcome, by: handle.by }
  return handle.outcome === 'replaced' ? { id, outcome, previous: handle.previous } : { id, outcome }
}

function optionsOf(options: Options): EnqueueOptions {
  const { queue, priority, id, partition, delay, runAt } = options
  if (delay !== undefined && runAt !== undefined) {
    throw new CliError('usage', 'Both --delay and --run-at are given.', 'Give one of them.')
  }
  const after: readonly Dependency[] | undefined = listed(options.after)
  const common = { queue, priority, id, partition, after, tags: listed(options.tag) }
  return runAt === undefined
    ? { ...common, delay: delay as Duration | undefined }
    : { ...common, runAt: pointInTime(runAt, '--run-at') }
}
