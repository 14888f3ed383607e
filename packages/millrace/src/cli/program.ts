/** The command line as a whole: its verbs, their common options, and how it ends. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addBudgets } from './verbs/budgets.ts'
import { addCommands } from './verbs/commands.ts'
import { addDead } from './verbs/dead.ts'
import { addDemo } from './demo/demo.ts'
import { addEnqueue } from './verbs/enqueue.ts'
import { addHistory, addTask } from './verbs/task.ts'
import { addBreakers, addLimits, addPartitions } from './verbs/limits.ts'
import { addMigrate } from './verbs/migrate.ts'
import { addPauses, addQueues } from './verbs/queues.ts'
import { addSchedules } from './verbs/schedules.ts'
import { addTasks } from './verbs/tasks.ts'
import { addWorker } from './verbs/worker.ts'
import { addWorkers } from './verbs/workers.ts'
import { paint } from './output.ts'
import { fail } from './failure.ts'

const GROUPS: readonly (readonly [title: string, add: readonly ((program: Command) => void)[]])[] = [
  ['Running', [addWorker, addEnqueue]],
  ['Looking', [addTasks, addTask, addHistory, addDead, addQueues, addWorkers]],
  ['Acting on tasks', [addCommands]],
  ['Acting on queues', [addPauses]],
  ['Flow control', [addLimits, addBreakers, addPartitions, addBudgets]],
  ['Again and again', [addSchedules]],
  ['Looking after the store', [addMigrate]],
  ['Trying it out', [addDemo]],
]

/** Runs one command line; its outcome is the exit code of the process. */
export async function runCli(args: readonly string[]): Promise<void> {
  try {
    await programOf().parseAsync(args, { from: 'user' })
  } catch (error) {
    process.exitCode = fail(error, { json: args.includes('--json') })
  }
}

function programOf(): Command {
  const program = new Command('millrace')
    .description(
      'Millrace, a distributed task queue for TypeScript that needs nothing but a SQLite file to start.',
    )
    .version(version(), '-V, --version', 'show the version')
    .option(
      '--store <url>',
      'the store: sqlite:PATH, postgres://… or redis://HOST (default: $MILLRACE_STORE, else sqlite:millrace.db)',
    )
    .option('--json', 'write JSON, one value per line')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help')
    .configureHelp({ showGlobalOptions: true, styleTitle: (title) => paint('bold', title) })
    .configureOutput({ outputError: () => undefined }) // it is written by `fail`
    .exitOverride()
    .addHelpText('after', HELP)
  for (const [title, verbs] of GROUPS) {
    program.commandsGroup(`${title}:`)
    for (const add of verbs) add(program)
  }
  return program
}

const HELP = `
Examples:
  millrace demo                              watch it work on real files, and survive kill -9
  millrace worker src/handlers.ts            run what the module exports
  millrace enqueue greet '{"name":"Ada"}'    enqueue a task
  millrace tasks --state failed              what failed
  millrace dead                              the same, grouped

Exit codes: 0 done, 1 failed, 2 wrong usage. More on a command: millrace help COMMAND`

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}
