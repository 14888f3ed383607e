import { handlersByType, type Duration, type Worker, type WorkerOptions } from '@millrace/core'
import { Option, type Command } from 'commander'
import { CliError } from '../failure.ts'
import { counted, type Output } from '../output.ts'
import { listed, wholeNumber } from '../options.ts'
import { goOnUnheard } from '../unheard.ts'
import { loadHandlers } from '../handlers.ts'
import { outputOf, withStore } from '../session.ts'
import { watched, type Watched } from '../watched.ts'
import { workerLogger } from '../worker-log.ts'

/** So many tasks are named. */
const LEFT_OVER_SHOWN = 10

interface Options {
  readonly queue?: readonly string[]
  readonly concurrency?: string
  readonly lease?: string
  readonly untilIdle?: boolean
  readonly quiet?: boolean
  readonly withParent?: boolean
}

export function addWorker(program: Command): void {
  program
    .command('worker')
    .summary('run the handlers that modules export')
    .description(
      'Runs the handlers that the modules export (TypeScript or JavaScript): each export that is a handler, or a ' +
        'list of them. Ctrl-C drains: running handlers may finish, and a second Ctrl-C returns their tasks. A handler ' +
        'that then ignores its signal is ended with the process.',
    )
    .argument('<file...>', 'modules that export handlers')
    .option(
      '--queue <name...>',
      'serve these queues only, NAME or NAME=SLOTS (default: those of the definitions)',
    )
    .option('--concurrency <count>', 'handlers that run at the same time (default: 10)')
    .option(
      '--lease <duration>',
      'how long after a crash of this process its tasks are taken over (default: 15s)',
    )
    .option('--until-idle', 'stop when nothing is left to do')
    .option('--quiet', 'say nothing but warnings and errors')
    .addOption(new Option('--with-parent', 'stop when the process that started this one is gone').hideHelp())
    .addHelpText(
      'after',
      `
Examples:
  millrace worker src/handlers.ts
  millrace worker src/*.ts --queue media=20 --queue default=5
  millrace worker src/handlers.ts --until-idle`,
    )
    .action((files: readonly string[], options: Options, command: Command) => run(command, files, options))
}

async function run(command: Command, files: readonly string[], options: Options): Promise<void> {
  const { handlers, open } = watched(await loadHandlers(files))
  const names = [...handlersByType(handlers).keys()]
  const workerOptions: WorkerOptions = {
    handlers,
    ...queuesOf(options),
    lease: options.lease as Duration | undefined,
  }
  goOnUnheard()
  const output = outputOf(command)
  const logger = options.quiet === true ? undefined : workerLogger(output)
  await withStore(
    command,
    async ({ mill, place }) => {
      const worker = mill.worker(workerOptions)
      const tally = tallyOf(worker)
      if (options.withParent === true && !stopWithParent(worker)) return
      const running = worker.run({ until: options.untilIdle === true ? 'idle' : undefined })
      const ready = worker.start().then(() => {
        if (options.quiet !== true) announce(output, { store: place, names })
      })
      await Promise.all([running, ready])
      if (options.quiet !== true) conclude(output, tally)
    },
    { logger },
  )
  if (open.size > 0) throw leftOver(open)
}

/** The worker has given their tasks back, so nothing of them may go on: what is thrown here ends the process. */
function leftOver(open: Watched['open']): CliError {
  const names = Array.from(open.values(), ({ id, type }) => `${type} ${id}`)
  const shown = names.slice(0, LEFT_OVER_SHOWN).join(', ')
  const more = names.length > LEFT_OVER_SHOWN ? ', …' : ''
  return new CliError(
    'failed',
    `The process ends with ${counted(names.length, 'handler')} unfinished, which did not heed the signal: ${shown}${more}.`,
    'Their tasks are run again unless their time was up. Let handlers end when ctx.signal aborts.',
  )
}

function announce(
  output: Output,
  { store, names }: { readonly store: string; readonly names: readonly string[] },
): void {
  if (output.json)
    output.value({
      at: new Date().toISOString(),
      level: 'info',
      message: 'ready',
      pid: process.pid,
      store,
      tasks: names,
    })
  else output.line(`Worker ${process.pid} on ${store} runs ${names.join(', ')}. Ctrl-C stops it.`)
}

interface Tally {
  succeeded: number
  failed: number
}

function tallyOf(worker: Worker): Tally {
  const tally = { succeeded: 0, failed: 0 }
  worker.on('succeeded', () => (tally.succeeded += 1))
  worker.on('failed', ({ willRetryAt }) => (tally.failed += willRetryAt === null ? 1 : 0))
  return tally
}

function conclude(output: Output, { succeeded, failed }: Tally): void {
  if (output.json)
    output.value({ at: new Date().toISOString(), level: 'info', message: 'stopped', succeeded, failed })
  else
    output.line(
      `Worker ${process.pid} has stopped: ${counted(succeeded, 'task')} succeeded, ${failed} failed.`,
    )
}

/** Stops the worker when the channel to the process that started this one closes; `false` if it has already. */
function stopWithParent(worker: Worker): boolean {
  process.once('disconnect', () => void worker.stop())
  return process.connected
}

function queuesOf({ queue, concurrency }: Options): Pick<WorkerOptions, 'queues' | 'concurrency'> {
  const slots = concurrency === undefined ? undefined : wholeNumber(concurrency, '--concurrency')
  const names = listed(queue)
  if (names?.some((name) => name.includes('=')) !== true) return { queues: names, concurrency: slots }
  const pairs = names.map((text) => {
    const [name = '', count] = text.split('=')
    if (count !== undefined) return [name, wholeNumber(count, `The slots of ${name}`)] as const
    if (slots !== undefined) return [name, slots] as const
    throw new CliError(
      'usage',
      `The queue ${name} has no number of slots, but others have.`,
      'Give NAME=SLOTS for each, or --concurrency.',
    )
  })
  return { queues: Object.fromEntries(pairs), concurrency: slots }
}
