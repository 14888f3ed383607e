import { text as readAll } from 'node:stream/consumers'
import type { Schedule } from '@millrace/core'
import type { Command } from 'commander'
import { CliError } from '../failure.ts'
import { pointInTime, wholeNumber } from '../options.ts'
import { short, table, type Output } from '../output.ts'
import { moment, relative, span } from '../time.ts'
import { withStore } from '../session.ts'
import { putOptions, scheduleOf, type PutOptions } from './schedule-options.ts'
import { addScheduleChanges } from './schedule-changes.ts'

export function addSchedules(program: Command): void {
  const schedules = program
    .command('schedules')
    .summary('list schedules, and act on them')
    .description('Lists what is enqueued again and again.')
    .action((_: unknown, command: Command) => list(command))
    .addHelpText(
      'after',
      `
Examples:
  millrace schedules
  millrace schedules put nightly report '{"of":"sales"}' --cron '30 2 * * *' --zone Europe/Berlin
  millrace schedules preview nightly --count 20
  millrace schedules preview --cron '30 2 * * *' --zone Europe/Berlin --from 2026-03-28T00:00:00Z`,
    )
  addPreview(schedules)
  addPut(schedules)
  addScheduleChanges(schedules)
}

async function list(command: Command): Promise<void> {
  await withStore(command, async ({ mill, output, place }) => {
    const found = await mill.schedules.list()
    if (output.json) return found.forEach((schedule) => output.value(schedule))
    if (found.length === 0)
      return output.line(`No schedules in ${place}. To make one: millrace schedules put`)
    const now = Date.now()
    const head = ['NAME', 'TASK', 'WHEN', 'NEXT', 'LAST', 'OVERLAP', 'FROM']
    const rows = found.map((schedule) => [
      schedule.name,
      schedule.task,
      short(whenOf(schedule), 50),
      schedule.paused ? 'paused' : nextOf(schedule, now),
      schedule.lastAt === undefined ? '' : relative(schedule.lastAt.getTime(), now),
      schedule.overlap,
      schedule.declaredBy ?? 'by hand',
    ])
    for (const line of table(head, rows)) output.line(line)
  })
}

function whenOf({ cron, zone, everyMs }: Schedule): string {
  return cron === undefined ? `every ${span(everyMs!)}` : `${cron} (${zone})`
}

function nextOf({ nextAt }: Schedule, now: number): string {
  return nextAt === undefined ? 'never' : relative(nextAt.getTime(), now)
}

interface PreviewOptions {
  readonly cron?: string
  readonly zone?: string
  readonly count: string
  readonly from?: string
}

function addPreview(schedules: Command): void {
  schedules
    .command('preview')
    .summary('show the next fire times')
    .description(
      'Shows when a schedule fires next, or when a cron expression would. Times that are odd because the clock is ' +
        'changed are marked: `gap` stands for a time that is left out, `overlap` for one that comes twice.',
    )
    .argument('[name]', 'the name of a schedule; or give --cron')
    .option('--cron <expression>', 'a cron expression instead')
    .option('--zone <zone>', 'its time zone (default: UTC)')
    .option('--count <number>', 'how many', '10')
    .option('--from <time>', 'from a point in time on: 2026-01-31T08:00:00Z')
    .action((name: string | undefined, options: PreviewOptions, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        const { count } = options
        const asked = askedFor(name, options)
        const from = options.from === undefined ? undefined : pointInTime(options.from, '--from')
        const fires = await mill.schedules.preview(asked, wholeNumber(count, '--count'), { from })
        if (output.json) return fires.forEach((fire) => output.value(fire))
        if (fires.length === 0) return output.line('It never fires.')
        const now = Date.now()
        for (const { at, note } of fires)
          output.line(`${moment(at.getTime(), now)}${note === undefined ? '' : `  ${note}`}`)
      }),
    )
}

/** @throws CliError */
function askedFor(
  name: string | undefined,
  { cron, zone }: PreviewOptions,
): string | { readonly cron: string; readonly zone: string | undefined } {
  if (name === undefined && cron !== undefined) return { cron, zone }
  if (name !== undefined && cron === undefined && zone === undefined) return name
  throw new CliError(
    'usage',
    'A preview is either of a schedule, by its name, or of --cron and --zone.',
    "As in millrace schedules preview nightly, or millrace schedules preview --cron '30 2 * * *'.",
  )
}

type PutArguments = readonly [name: string, task: string, json: string | undefined, options: PutOptions]

function addPut(schedules: Command): void {
  const put = schedules
    .command('put')
    .summary('make a schedule, or change one')
    .description(
      'Makes a schedule, or changes the one of that name. The task must be one that a worker of the store has published.',
    )
    .argument('<name>', 'the name of the schedule')
    .argument('<task>', 'the name of the task')
    .argument('[json]', 'its input as JSON; - reads it from stdin')
  for (const option of putOptions()) put.addOption(option)
  put.action(async (...[name, task, json, options]: PutArguments) => {
    const text = json === '-' ? await readAll(process.stdin) : json
    await withStore(put, async ({ mill, output }) => {
      const wanted = await scheduleOf(mill, { task, text, options, warn: (message) => output.warn(message) })
      say(output, await mill.schedules.put(name, wanted))
    })
  })
}

function say(output: Output, schedule: Schedule): void {
  if (output.json) return output.value(schedule)
  const { name, task, nextAt, paused } = schedule
  const next = nextAt === undefined ? 'never fires' : `fires next at ${moment(nextAt.getTime(), Date.now())}`
  output.line(`The schedule ${name} enqueues ${task} and ${next}${paused ? '; it is paused' : ''}.`)
}
