import type { Mill, WorkerStatus } from '@millrace/core'
import type { Command } from 'commander'
import { counted, short, table } from '../output.ts'
import { wholeNumber } from '../options.ts'
import { relative } from '../time.ts'
import { withStore } from '../session.ts'

export function addWorkers(program: Command): void {
  const verb = program
    .command('workers')
    .summary('list workers; drain, stop or resize one')
    .description('Lists the workers whose lease stands.')
    .addHelpText(
      'after',
      `
Examples:
  millrace workers                       who works, on how much
  millrace workers drain SESSION         let it finish what it runs, and end
  millrace workers resize SESSION 50     let it run 50 handlers at the same time

A worker hears of it with its next renewal: after a third of its lease at the latest, which is 5 s by default.`,
    )
    .action((_: unknown, command: Command) => workers(command))
  addDrain(verb)
  addStop(verb)
  addResize(verb)
}

function addDrain(verb: Command): void {
  verb
    .command('drain')
    .summary('let workers finish what they run, and end')
    .description(
      'Lets workers claim nothing more and end when all that they run has ended, however long that takes. A process of ' +
        '`millrace worker` that was drained is not started again.',
    )
    .argument('<session...>', 'workers, as `millrace workers` shows them')
    .action((sessions: readonly string[], _: unknown, command: Command) =>
      order(command, sessions, { what: 'to drain', tell: (mill, id) => mill.workers.drain(id) }),
    )
}

function addStop(verb: Command): void {
  verb
    .command('stop')
    .summary('stop workers, as Ctrl-C does')
    .description(
      'Stops workers as Ctrl-C does: running handlers may finish in the drain time of their worker, 25s by default; what ' +
        'is left then goes back to the store. A process of `millrace worker` that was stopped is not started again.',
    )
    .argument('<session...>', 'workers, as `millrace workers` shows them')
    .action((sessions: readonly string[], _: unknown, command: Command) =>
      order(command, sessions, { what: 'to stop', tell: (mill, id) => mill.workers.stop(id) }),
    )
}

function addResize(verb: Command): void {
  verb
    .command('resize')
    .summary('let a worker run more or fewer handlers at the same time')
    .description(
      'Lets a worker run so many handlers at the same time, until its process ends: one that starts again has what its ' +
        'options say. What runs beyond that runs on. Queues with slots of their own keep them.',
    )
    .argument('<session>', 'a worker, as `millrace workers` shows it')
    .argument('<concurrency>', 'handlers at the same time, from 1 to 10000')
    .action(
      (...[session, text, , command]: [session: string, text: string, _: unknown, command: Command]) => {
        const concurrency = wholeNumber(text, 'The concurrency')
        return order(command, [session], {
          what: `to run ${counted(concurrency, 'handler')} at the same time`,
          tell: (mill, id) => mill.workers.resize(id, concurrency),
        })
      },
    )
}

interface Order {
  readonly what: string
  readonly tell: (mill: Mill, session: string) => Promise<void>
}

async function order(command: Command, sessions: readonly string[], { what, tell }: Order): Promise<void> {
  await withStore(command, async ({ mill, output }) => {
    for (const session of sessions) {
      await tell(mill, session)
      if (output.json) output.value({ session, told: what })
      else output.line(`Worker ${session} is told ${what}. It hears of it with its next renewal.`)
    }
  })
}

async function workers(command: Command): Promise<void> {
  await withStore(command, async ({ mill, output, place }) => {
    const found = await mill.workers.list()
    if (output.json) return found.forEach((worker) => output.value(worker))
    if (found.length === 0)
      return output.line(`No worker serves ${place}. To start one: millrace worker FILE`)
    const now = Date.now()
    const head = [
      'HOST',
      'PID',
      'STATE',
      'RUNNING',
      'QUEUES',
      'TASKS',
      'SINCE',
      'LEASE ENDS',
      'LEADS',
      'SESSION',
    ]
    const rows = found.map((worker) => [
      worker.host,
      String(worker.pid),
      stateOf(worker, now),
      `${worker.running} of ${worker.concurrency}`,
      short(worker.queues.join(', '), 40),
      short(worker.types.join(', '), 40),
      relative(worker.openedAt, now),
      relative(worker.expiresAt, now),
      worker.leadsSince === null ? '' : `since ${relative(worker.leadsSince, now)}`,
      worker.session,
    ])
    for (const line of table(head, rows)) output.line(line)
  })
}

/** With what it was told and has not heard yet, or is about to do. */
function stateOf({ state, since, order, concurrency }: WorkerStatus, now: number): string {
  if (state === 'draining') return `draining since ${relative(since, now)}`
  if (order === null) return 'running'
  if (order.end !== null) return `running, told to ${order.end}`
  const isToResize = order.concurrency !== null && order.concurrency !== concurrency
  return isToResize ? `running, told to run ${order.concurrency}` : 'running'
}
