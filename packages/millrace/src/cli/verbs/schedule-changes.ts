/** What is done to a schedule by its name. */
import type { Mill } from '@millrace/core'
import type { Command } from 'commander'
import { CliError } from '../failure.ts'
import { counted, type Output } from '../output.ts'
import { nearest } from '@millrace/server/published'
import { pointInTime } from '../options.ts'
import { withStore } from '../session.ts'

interface Change {
  readonly name: string
  readonly summary: string
  readonly description: string
  readonly run: (mill: Mill, schedule: string, output: Output) => Promise<void>
}

const CHANGES: readonly Change[] = [
  {
    name: 'pause',
    summary: 'let it fire no more',
    description: 'Pauses a schedule: it does not fire until it is resumed.',
    run: async (mill, schedule, output) => {
      await mill.schedules.pause(schedule)
      if (output.json) output.value({ schedule, paused: true })
      else output.line(`The schedule ${schedule} is paused. To go on: millrace schedules resume ${schedule}`)
    },
  },
  {
    name: 'resume',
    summary: 'go on with a paused schedule',
    description: 'Resumes a paused schedule with its next fire: what came meanwhile is not missed.',
    run: async (mill, schedule, output) => {
      await mill.schedules.resume(schedule)
      if (output.json) output.value({ schedule, paused: false })
      else output.line(`The schedule ${schedule} goes on.`)
    },
  },
  {
    name: 'trigger',
    summary: 'enqueue one run now',
    description: 'Enqueues one run of a schedule now, beside whatever it does by itself.',
    run: async (mill, schedule, output) => {
      const id = await mill.schedules.trigger(schedule)
      if (output.json) output.value({ schedule, id })
      else output.line(`${id}  enqueued. See: millrace task ${id}`)
    },
  },
  {
    name: 'remove',
    summary: 'remove it',
    description: 'Removes a schedule. What it has enqueued stays.',
    run: async (mill, schedule, output) => {
      if (!(await mill.schedules.remove(schedule))) throw await unknown(mill, schedule)
      if (output.json) output.value({ schedule, removed: true })
      else output.line(`The schedule ${schedule} is removed.`)
    },
  },
]

export function addScheduleChanges(schedules: Command): void {
  for (const { name, summary, description, run } of CHANGES) {
    schedules
      .command(name)
      .summary(summary)
      .description(description)
      .argument('<name>', 'the name of the schedule')
      .action((schedule: string, _: unknown, command: Command) =>
        withStore(command, ({ mill, output }) => run(mill, schedule, output)),
      )
  }
  addBackfill(schedules)
}

function addBackfill(schedules: Command): void {
  schedules
    .command('backfill')
    .summary('enqueue the runs of a past range')
    .description(
      'Enqueues the runs of a past range, as far as they are not there already: each fire time has one task.',
    )
    .argument('<name>', 'the name of the schedule')
    .requiredOption('--from <time>', 'the beginning of the range: 2026-01-31T08:00:00Z')
    .requiredOption('--to <time>', 'its end, which is over')
    .action((schedule: string, options: { readonly from: string; readonly to: string }, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        const range = { from: pointInTime(options.from, '--from'), to: pointInTime(options.to, '--to') }
        const { matched, changed } = await mill.schedules.backfill(schedule, range)
        if (output.json) output.value({ schedule, matched, changed })
        else output.line(`${counted(changed, 'run')} enqueued, of ${counted(matched, 'fire time')}.`)
      }),
    )
}

async function unknown(mill: Mill, schedule: string): Promise<CliError> {
  const near = nearest(
    schedule,
    (await mill.schedules.list()).map(({ name }) => name),
  )
  return new CliError(
    'not-found',
    `There is no schedule ${JSON.stringify(schedule)}.`,
    near.length > 0 ? `Did you mean ${near.join(' or ')}?` : 'See: millrace schedules',
  )
}
