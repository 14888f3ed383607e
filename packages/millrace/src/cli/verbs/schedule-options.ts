/** The options of `millrace schedules put`, and the schedule that they mean. */
import { PRIORITIES, type Duration, type Mill, type Priority, type ScheduleOptions } from '@millrace/core'
import { Option } from 'commander'
import { CliError } from '../failure.ts'
import { checkFit, definitionOf, uniqueOf } from '../definitions.ts'
import { givenKeys, keyOptions, type KeyOptions } from '../key-options.ts'
import { listed, parsedJson, pointInTime, wholeNumber } from '../options.ts'

export interface PutOptions extends KeyOptions {
  readonly cron?: string
  readonly every?: string
  readonly zone?: string
  readonly gap?: 'after' | 'skip'
  readonly repeated?: 'first' | 'last' | 'both'
  readonly missed?: string
  readonly overlap?: ScheduleOptions['overlap']
  readonly jitter?: string
  readonly from?: string
  readonly until?: string
  readonly queue?: string
  readonly priority?: Priority
  readonly tag?: readonly string[]
  readonly unique?: string
  readonly force?: boolean
}

export function putOptions(): readonly Option[] {
  return [
    new Option(
      '--cron <expression>',
      "when: '30 2 * * 1-5', with the second in front if there are six fields",
    ),
    new Option('--every <duration>', 'or at even intervals: 30s, 5m, 2h, 1d'),
    new Option('--zone <zone>', 'the time zone of the cron expression (default: UTC)'),
    new Option(
      '--gap <choice>',
      'a time that the clock leaves out: it fires right after (default), or not at all',
    ).choices(['after', 'skip']),
    new Option('--repeated <choice>', 'which of a time that the clock shows twice (default: first)').choices([
      'first',
      'last',
      'both',
    ]),
    new Option(
      '--missed <choice>',
      'fires that nobody was there for: one (default), none, or the latest so many',
    ),
    new Option(
      '--overlap <choice>',
      'what becomes of a run whose predecessor lives (default: allow)',
    ).choices(['allow', 'skip', 'queue', 'replace']),
    new Option('--jitter <duration>', 'each run is due up to so much later'),
    new Option('--from <time>', 'not before: 2026-01-31T08:00:00Z'),
    new Option('--until <time>', 'not after'),
    new Option('--queue <name>', "the queue, instead of the definition's"),
    new Option('--priority <level>', "the priority, instead of the definition's").choices([...PRIORITIES]),
    new Option('--tag <name...>', 'names to find its runs by'),
    new Option('--unique <key>', 'the key of its runs, of which there is one live task at a time'),
    ...keyOptions(),
    new Option('--force', 'a task that no worker has ever published, or an input that does not match'),
  ]
}

interface Wanted {
  readonly task: string
  readonly text: string | undefined
  readonly options: PutOptions
  readonly warn: (message: string) => void
}

export async function scheduleOf(
  mill: Mill,
  { task, text, options, warn }: Wanted,
): Promise<ScheduleOptions> {
  const input = text === undefined ? undefined : parsedJson(text)
  const force = options.force ?? false
  const definition = definitionOf(task, await mill.definitions(), { force, ...givenKeys(options) })
  const unique = uniqueOf(definition, options.unique)
  if (!force) await checkFit(input, { type: task, schema: definition.schema }, warn)
  const { queue, priority, overlap, jitter, from, until, missed } = options
  return {
    task: definition.task,
    input,
    ...timesOf(options),
    queue,
    priority,
    overlap,
    unique,
    partition: options.partition,
    tags: listed(options.tag),
    jitter: jitter as Duration | undefined,
    from: from === undefined ? undefined : pointInTime(from, '--from'),
    until: until === undefined ? undefined : pointInTime(until, '--until'),
    missed:
      missed === undefined || missed === 'one' || missed === 'none'
        ? missed
        : { all: wholeNumber(missed, '--missed') },
  }
}

/** @throws CliError */
function timesOf({ cron, every, zone, gap, repeated }: PutOptions):
  | {
      readonly cron: string
      readonly zone: string | undefined
      readonly dst: { readonly gap: PutOptions['gap']; readonly overlap: PutOptions['repeated'] }
    }
  | { readonly every: Duration } {
  if ((cron === undefined) === (every === undefined)) {
    throw new CliError(
      'usage',
      'A schedule has either --cron or --every.',
      "As in --cron '30 2 * * *', or --every 5m.",
    )
  }
  if (cron !== undefined) return { cron, zone, dst: { gap, overlap: repeated } }
  if (zone === undefined && gap === undefined && repeated === undefined) return { every: every as Duration }
  throw new CliError('usage', 'Intervals have no --zone, --gap or --repeated.', 'They go by elapsed time.')
}
