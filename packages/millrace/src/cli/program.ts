/** The command line as a whole: its verbs, their common options, and how it ends. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addBudgets } from './verbs/budgets.ts'
import { addCheck } from './verbs/check.ts'
import { addCommands } from './verbs/commands.ts'
import { addConfig } from './verbs/config.ts'
import { addDead } from './verbs/dead.ts'
import { addDev } from './dev/dev.ts'
import { addDemo } from './demo/demo.ts'
import { addDoctor } from './verbs/doctor.ts'
import { addEdit } from './verbs/edit.ts'
import { addEnqueue } from './verbs/enqueue.ts'
import { addExplain } from './verbs/explain.ts'
import { addHistory, addTask } from './verbs/task.ts'
import { addBreakers, addLimits, addPartitions } from './verbs/limits.ts'
import { addKeys } from './verbs/keys.ts'
import { addMigrate } from './verbs/migrate.ts'
import { addPauses, addQueues } from './verbs/queues.ts'
import { addRun } from './verbs/run.ts'
import { addSchedules } from './verbs/schedules.ts'
import { addServe } from './verbs/serve.ts'
import { addTasks } from './verbs/tasks.ts'
import { addTop } from './top/top.ts'
import { addWorker } from './verbs/worker.ts'
import { addWorkers } from './verbs/workers.ts'
import { paint } from './output.ts'
import { fail } from './failure.ts'

const GROUPS: readonly (readonly [title: string, add: readonly ((program: Command) => void)[]])[] = [
  ['Running', [addWorker, addEnqueue, addRun, addDev]],
  ['Looking', [addTasks, addTask, addExplain, addHistory, addDead, addQueues, addWorkers, addTop]],
  ['Acting on tasks', [addCommands, addEdit]],
  ['Acting on queues', [addPauses]],
  ['Flow control', [addLimits, addBreakers, addPartitions, addBudgets]],
  ['Again and again', [addSchedules]],
  ['Looking after the store', [addDoctor, addCheck, addMigrate]],
  ['Serving others', [addServe, addKeys]],
  ['Setting it up', [addConfig]],
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

/** The command line with all its verbs, before it has read anything. */
export function programOf(): Command {
  const program = new Command('millrace')
    .description(
      'Millrace, a distributed task queue for TypeScript that needs nothing but a SQLite file to start.',
    )
    .version(version(), '-V, --version', 'show the version')
    .option(
      '--store <url>',
      'the store: sqlite:PATH, postgres://…, redis://HOST, or https://HOST:7421 of a server (default: $MILLRACE_STORE, else sqlite:millrace.db)',
    )
    .option('--namespace <name>', 'the namespace of the store (default: $MILLRACE_NAMESPACE, else default)')
    .option(
      '--config <file>',
      'the configuration (default: $MILLRACE_CONFIG, else millrace.config.{ts,js,json} here)',
    )
    .option('--no-config', 'read no configuration')
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
  millrace explain ID                        why a task does not start, or ended so

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a worker that made no progress. More on a command: millrace help COMMAND`

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}
