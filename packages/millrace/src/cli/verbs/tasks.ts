import { codeOf, type Mill, type ShownState, type TaskListItem, type TaskQuery } from '@millrace/core'
import type { TaskState } from '@millrace/core/store'
import type { Command } from 'commander'
import {
  addFilterOptions,
  listed,
  queryOf,
  stateOption,
  STATES,
  statesOf,
  wholeNumber,
  type FilterOptions,
} from '../options.ts'
import { CliError } from '../failure.ts'
import { errorText } from '../error-text.ts'
import { paint, short, table } from '../output.ts'
import { relative } from '../time.ts'
import { withStore } from '../session.ts'

interface Options extends FilterOptions {
  readonly limit: string
  readonly cursor?: string
}

/** What the store keeps as `pending` is shown as what it waits for. */
const SHOWN_PENDING: readonly ShownState[] = ['ready', 'scheduled', 'held']
const PAGE_MAX = 1_000

export function addTasks(program: Command): void {
  const command = program
    .command('tasks')
    .summary('list tasks')
    .description('Lists tasks, newest first.')
    .addOption(stateOption(`only in these states: ${[...STATES, ...SHOWN_PENDING].join(', ')}`))
  addFilterOptions(command, 'only')
    .option('--limit <count>', 'at most so many', '50')
    .option('--cursor <text>', 'go on where the last list ended')
    .addHelpText(
      'after',
      `
Examples:
  millrace tasks --state failed --queue media
  millrace tasks --type image.thumbnail --json | jq .id
  millrace tasks --metadata tenant=acme --text timeout

With --json the cursor of the next page, if there is one, is written to stderr.`,
    )
    .action((options: Options, command: Command) => tasks(command, options))
}

async function tasks(command: Command, options: Options): Promise<void> {
  const limit = wholeNumber(options.limit, '--limit')
  const wanted = wantedOf(options)
  await withStore(command, async ({ mill, output, place }) => {
    const { cursor } = options
    const { found, next } = await collect(mill, { ...wanted, limit, cursor }).catch((error: unknown) => {
      throw cursor !== undefined && codeOf(error) === 'invalid-argument' ? strange(cursor) : error
    })
    if (output.json) {
      for (const task of found) output.value(task)
      if (next !== undefined) output.note(JSON.stringify({ next }))
      return
    }
    if (found.length === 0) return output.line(`No such tasks in ${place}.`)
    for (const line of tableOf(found, Date.now())) output.line(line)
    if (next !== undefined) output.note(paint('dim', `There are more: add --cursor ${next}`, process.stderr))
  })
}

function strange(cursor: string): CliError {
  return new CliError(
    'usage',
    `The cursor ${JSON.stringify(cursor)} was not given by this store.`,
    'Take it from the end of the list before, or list from the start without --cursor.',
  )
}

interface Wanted {
  readonly query: TaskQuery
  /** States as they are shown, where those of the store are too coarse. */
  readonly shown: ReadonlySet<string> | undefined
}

function wantedOf(options: Options): Wanted {
  const { state } = options
  const query = queryOf(options)
  const names = listed(state)
  const pending = names?.filter((name) => (SHOWN_PENDING as readonly string[]).includes(name)) ?? []
  if (names === undefined || pending.length === 0)
    return { query: { ...query, state: statesOf(state, SHOWN_PENDING) }, shown: undefined }
  const stored = new Set<TaskState>(
    statesOf(
      names.filter((name) => !pending.includes(name)),
      SHOWN_PENDING,
    ),
  )
  const shown = new Set<string>(stored.has('pending') ? [...names, ...SHOWN_PENDING] : names)
  return { query: { ...query, state: [...stored.add('pending')] }, shown }
}

/** Page by page, since a page may be short without being the last. */
async function collect(
  mill: Mill,
  { query, shown, limit, cursor }: Wanted & { readonly limit: number; readonly cursor: string | undefined },
): Promise<{ readonly found: readonly TaskListItem[]; readonly next: string | undefined }> {
  const found: TaskListItem[] = []
  let next = cursor
  do {
    const page = await mill.tasks.list({
      ...query,
      limit: Math.min(limit - found.length, PAGE_MAX),
      cursor: next,
    })
    found.push(...page.tasks.filter((task) => shown === undefined || shown.has(task.state)))
    next = page.next
  } while (next !== undefined && found.length < limit)
  return { found, next }
}

function tableOf(found: readonly TaskListItem[], now: number): readonly string[] {
  const head = ['ID', 'TASK', 'QUEUE', 'STATE', 'ATTEMPT', 'WHEN', 'ERROR']
  const rows = found.map((task) => [
    task.id,
    task.type,
    task.queue,
    task.state,
    String(task.attempt),
    whenOf(task, now),
    short(errorText(task) ?? '', 60),
  ])
  return table(head, rows)
}

/** The time that matters: the end, the start, or when it is due. */
function whenOf(task: TaskListItem, now: number): string {
  if (task.finishedAt !== null) return relative(task.finishedAt, now)
  if (task.state === 'running' && task.startedAt !== null) return relative(task.startedAt, now)
  return task.state === 'scheduled' ? relative(task.runAt, now) : relative(task.enqueuedAt, now)
}
