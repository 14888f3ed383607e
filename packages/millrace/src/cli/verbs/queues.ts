import { hostname, userInfo } from 'node:os'
import type { Command } from 'commander'
import { CliError } from '../failure.ts'
import { nearest } from '@millrace/server/published'
import { grouped, table } from '../output.ts'
import { relative } from '../time.ts'
import { withStore } from '../session.ts'

export function addQueues(program: Command): void {
  program
    .command('queues')
    .summary('list queues and what is in them')
    .description('Lists the queues of the store, and how many of their tasks are in each state.')
    .action((_: unknown, command: Command) => queues(command))
}

export function addPauses(program: Command): void {
  program
    .command('pause')
    .summary('start nothing more of a queue')
    .description(
      'Pauses a queue: nothing of it is started until it is resumed. What runs goes on. A queue may be paused before ' +
        'its first task.',
    )
    .argument('<queue>', 'the name of the queue')
    .option('--by <text>', 'who pauses it, and why, for those who ask (default: you, on this machine)')
    .action((queue: string, { by = whoIsHere() }: { readonly by?: string }, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        await mill.queues.pause(queue, { by })
        if (output.json) output.value({ queue, paused: true, by })
        else output.line(`The queue ${queue} is paused. To go on: millrace resume ${queue}`)
      }),
    )
  program
    .command('resume')
    .summary('go on with a paused queue')
    .description('Resumes a paused queue.')
    .argument('<queue>', 'the name of the queue')
    .action((queue: string, _: unknown, command: Command) =>
      withStore(command, async ({ mill, output, place }) => {
        const known = (await mill.queues.list()).map((one) => one.queue)
        if (!known.includes(queue)) throw unknown(queue, place, known)
        await mill.queues.resume(queue)
        if (output.json) output.value({ queue, paused: false })
        else output.line(`The queue ${queue} goes on.`)
      }),
    )
}

/** A process may have no user that has a name. */
function whoIsHere(): string {
  try {
    return `${userInfo().username}@${hostname()}`
  } catch {
    return `somebody on ${hostname()}`
  }
}

/** Nothing is to be resumed there: it is a slip, and would make a queue of that name. */
function unknown(queue: string, place: string, known: readonly string[]): CliError {
  const near = nearest(queue, known)
  return new CliError(
    'not-found',
    `There is no queue ${JSON.stringify(queue)} in ${place}.`,
    near.length > 0 ? `Did you mean ${near.join(' or ')}?` : 'See: millrace queues',
  )
}

const STATES = [
  'blocked',
  'scheduled',
  'ready',
  'held',
  'running',
  'waiting',
  'succeeded',
  'failed',
  'cancelled',
] as const

async function queues(command: Command): Promise<void> {
  await withStore(command, async ({ mill, output, place }) => {
    const found = await mill.queues.list()
    if (output.json) return found.forEach((queue) => output.value(queue))
    if (found.length === 0) return output.line(`No queues in ${place}: nothing was ever enqueued.`)
    const now = Date.now()
    const rows = found.map((queue) => [
      queue.queue,
      queue.paused ? 'paused' : 'open',
      ...STATES.map((state) => grouped(queue.counts[state])),
      queue.oldestReadyAt === null ? '' : relative(queue.oldestReadyAt, now),
    ])
    const head = ['QUEUE', '', ...STATES.map((state) => state.toUpperCase()), 'OLDEST READY']
    for (const line of table(head, rows)) output.line(line)
  })
}
