import type { Command } from 'commander'
import { short, table } from '../output.ts'
import { relative } from '../time.ts'
import { withStore } from '../session.ts'

export function addWorkers(program: Command): void {
  program
    .command('workers')
    .summary('list workers')
    .description('Lists the workers whose lease stands.')
    .action((_: unknown, command: Command) => workers(command))
}

async function workers(command: Command): Promise<void> {
  await withStore(command, async ({ mill, output, place }) => {
    const found = await mill.workers.list()
    if (output.json) return found.forEach((worker) => output.value(worker))
    if (found.length === 0)
      return output.line(`No worker serves ${place}. To start one: millrace worker FILE`)
    const now = Date.now()
    const head = ['HOST', 'PID', 'RUNNING', 'QUEUES', 'TASKS', 'SINCE', 'LEASE ENDS', 'LEADS', 'SESSION']
    const rows = found.map((worker) => [
      worker.host,
      String(worker.pid),
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
