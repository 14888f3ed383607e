import type { DeadGroup } from '@millrace/core'
import type { Command } from 'commander'
import { errorText } from '../error-text.ts'
import { short, table } from '../output.ts'
import { relative } from '../time.ts'
import { addFilterOptions, queryOf, wholeNumber, type FilterOptions } from '../options.ts'
import { withStore } from '../session.ts'

interface Options extends Omit<FilterOptions, 'state'> {
  readonly limit: string
}

/** More than these are not told apart here. */
const GROUPS_MAX = 1_000

export function addDead(program: Command): void {
  const command = program
    .command('dead')
    .summary('what failed, grouped by fingerprint')
    .description(
      'Shows the dead letters: tasks that failed for good, grouped by task, reason and error. Numbers and ids in ' +
        'messages are masked, so that the same failure of many tasks is one line.',
    )
  addFilterOptions(command, 'only')
    .option('--limit <count>', 'at most so many groups', '50')
    .addHelpText(
      'after',
      `
Examples:
  millrace dead
  millrace task ID                        one of them, whole
  millrace retry --state failed --type image.thumbnail`,
    )
    .action((options: Options, command: Command) => dead(command, options))
}

async function dead(command: Command, { limit, ...query }: Options): Promise<void> {
  const groupsMax = wholeNumber(limit, '--limit')
  await withStore(command, async ({ mill, output, place }) => {
    const groups = await mill.tasks.dead({ ...queryOf(query), limit: GROUPS_MAX })
    const shown = groups.slice(0, groupsMax)
    if (output.json) return shown.forEach((group) => output.value(group))
    if (shown.length === 0) return output.line(`No dead letters in ${place}.`)
    const head = ['COUNT', 'TASK', 'REASON', 'ERROR', 'NEWEST', 'EXAMPLE']
    const now = Date.now()
    const rows = shown.map((group) => [
      String(group.count),
      group.type,
      group.reason,
      short(errorOf(group), 70),
      relative(group.newest, now),
      group.example,
    ])
    for (const line of table(head, rows)) output.line(line)
    if (groups.length > shown.length)
      output.line(`… and ${groups.length - shown.length} more groups: add --limit`)
  })
}

function errorOf({ reason, error, message }: DeadGroup): string {
  return errorText({ reason, error: error === null ? null : { name: error, message: message ?? '' } }) ?? ''
}
