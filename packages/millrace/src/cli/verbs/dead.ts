import { createHash } from 'node:crypto'
import type { Mill, TaskListItem, TaskQuery } from '@millrace/core'
import type { Command } from 'commander'
import { errorText } from '../error-text.ts'
import { short, table } from '../output.ts'
import { relative } from '../time.ts'
import { wholeNumber } from '../options.ts'
import { withStore } from '../session.ts'

/** Failures of one kind. */
interface Group {
  readonly fingerprint: string
  readonly type: string
  readonly reason: string
  readonly error: string
  /** The message of the newest, with what differs from task to task masked. */
  readonly message: string
  readonly newest: number
  /** The newest task. */
  readonly example: string
  count: number
  oldest: number
}

interface Options {
  readonly queue?: string
  readonly type?: string
  readonly limit: string
}

const MASKS: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '<id>'],
  [/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, '<id>'],
  [/\d+(\.\d+)?/g, '<n>'],
]

export function addDead(program: Command): void {
  program
    .command('dead')
    .summary('what failed, grouped by fingerprint')
    .description(
      'Shows the dead letters: tasks that failed for good, grouped by task, reason and error. Numbers and ids in ' +
        'messages are masked, so that the same failure of many tasks is one line.',
    )
    .option('--queue <name>', 'only of this queue')
    .option('--type <task>', 'only of this task')
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

async function dead(command: Command, { queue, type, limit }: Options): Promise<void> {
  const groupsMax = wholeNumber(limit, '--limit')
  await withStore(command, async ({ mill, output, place }) => {
    const groups = await groupsOf(mill, { state: 'failed', queue, type })
    const shown = groups.slice(0, groupsMax)
    if (output.json) return shown.forEach((group) => output.value(group))
    if (shown.length === 0) return output.line(`No dead letters in ${place}.`)
    const head = ['COUNT', 'TASK', 'REASON', 'ERROR', 'NEWEST', 'EXAMPLE']
    const now = Date.now()
    const rows = shown.map((group) => [
      String(group.count),
      group.type,
      group.reason,
      short(group.error === '-' ? group.message : `${group.error}: ${group.message}`, 70),
      relative(group.newest, now),
      group.example,
    ])
    for (const line of table(head, rows)) output.line(line)
    if (groups.length > shown.length)
      output.line(`… and ${groups.length - shown.length} more groups: add --limit`)
  })
}

/** The largest first. */
async function groupsOf(mill: Mill, query: TaskQuery): Promise<readonly Group[]> {
  const groups = new Map<string, Group>()
  let cursor: string | undefined
  do {
    const page = await mill.tasks.list({ ...query, limit: 1_000, cursor })
    for (const task of page.tasks) add(groups, task)
    cursor = page.next
  } while (cursor !== undefined)
  return [...groups.values()].sort((a, b) => b.count - a.count || b.newest - a.newest)
}

/** Tasks come newest first. */
function add(groups: Map<string, Group>, task: TaskListItem): void {
  const { id, type, error } = task
  const reason = task.reason ?? 'error'
  const name = error?.name ?? '-'
  const message = masked(error?.message ?? errorText(task) ?? '')
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([type, reason, name, message]))
    .digest('hex')
    .slice(0, 12)
  const at = task.finishedAt ?? task.enqueuedAt
  const group = groups.get(fingerprint)
  if (group === undefined) {
    groups.set(fingerprint, {
      fingerprint,
      type,
      reason,
      error: name,
      message,
      newest: at,
      example: id,
      count: 1,
      oldest: at,
    })
  } else {
    group.count += 1
    group.oldest = Math.min(group.oldest, at)
  }
}

function masked(message: string): string {
  return MASKS.reduce((text, [pattern, mask]) => text.replaceAll(pattern, mask), message)
}
