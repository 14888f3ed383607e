import { codeOf, handlersByType, type Duration, type Logger, type Worker } from '@millrace/core'
import { Option, type Command } from 'commander'
import { CliError, messageOf } from '../failure.ts'
import { MetricsFile } from '../metrics-file.ts'
import { counted, type Output } from '../output.ts'
import { listed, wholeNumber } from '../options.ts'
import { goOnUnheard } from '../unheard.ts'
import { settingsOf } from '../configuration/in-force.ts'
import { queueSlots } from '../configuration/queue-slots.ts'
import type { Flags } from '../configuration/settings.ts'
import { loggerOf, modulesOf, optionsOf } from '../configuration/worker-settings.ts'
import { reportLoadedFiles } from '../dev/loaded-files.ts'
import { loadHandlers } from '../handlers.ts'
import { outputOf, withStore } from '../session.ts'
import { watched, type Watched } from '../watched.ts'
import { processesOf } from '../supervision/command-line.ts'
import { Superior } from '../supervision/superior.ts'

/** So many tasks are named. */
const LEFT_OVER_SHOWN = 10

interface Options {
  readonly queue?: readonly string[]
  readonly concurrency?: string
  readonly lease?: string
  readonly untilIdle?: boolean
  readonly quiet?: boolean
  readonly processes?: string
  readonly drain?: string
  readonly metricsFile?: string
  readonly withParent?: boolean
  readonly dev?: string
}

export function addWorker(program: Command): void {
  program
    .command('worker')
    .summary('run the handlers that modules export')
    .description(
      'Runs the handlers that the modules export (TypeScript or JavaScript): each export that is a handler, or a ' +
        'list of them; without FILE, the handlers of the configuration. They run in a process of their own, which is started again should it die. Ctrl-C drains: running ' +
        'handlers may finish, and a second Ctrl-C returns their tasks. A handler that then ignores its signal is ended ' +
        'with the process.',
    )
    .argument('[file...]', 'modules that export handlers (default: the handlers of the configuration)')
    .option(
      '--queue <name...>',
      'serve these queues only, NAME or NAME=SLOTS (default: those of the definitions)',
    )
    .option('--concurrency <count>', 'handlers that run at the same time in a process (default: 10)')
    .option('--processes <count>', 'worker processes to run, on as many cores (default: 1)')
    .option(
      '--lease <duration>',
      'how long after a crash of this process its tasks are taken over (default: 15s)',
    )
    .option('--drain <duration>', 'how long Ctrl-C waits for running handlers (default: 25s)')
    .option('--metrics-file <path>', 'keep what is counted in a file, for Prometheus to read')
    .option('--until-idle', 'stop when nothing is left to do')
    .option('--quiet', 'say nothing but warnings and errors')
    .addOption(new Option('--with-parent', 'be a worker process, as the one that starts it says').hideHelp())
    .addOption(
      new Option('--dev <ms>', 'be the one of `millrace dev`, whose clock is so far ahead').hideHelp(),
    )
    .addHelpText(
      'after',
      `
Examples:
  millrace worker src/handlers.ts
  millrace worker src/*.ts --queue media=20 --queue default=5
  millrace worker src/handlers.ts --processes 4 --concurrency 25
  millrace worker src/handlers.ts --metrics-file /var/lib/node_exporter/millrace.prom
  millrace worker src/handlers.ts --until-idle`,
    )
    .action((files: readonly string[], options: Options, command: Command) => run(command, files, options))
}

async function run(command: Command, files: readonly string[], options: Options): Promise<void> {
  if (options.processes !== undefined) checkProcesses(options.processes)
  const superior = options.withParent === true ? new Superior() : undefined
  if (options.dev !== undefined) reportLoadedFiles()
  const settings = await settingsOf(command, { files, worker: flagsOf(options) })
  const modules = modulesOf(settings)
  const { handlers, open } = watched(await loadHandlers(modules))
  const names = [...handlersByType(handlers).keys()]
  const workerOptions = optionsOf(settings, handlers, modules)
  goOnUnheard()
  const output = outputOf(command)
  const logger = options.quiet === true ? undefined : loggerOf(settings, output)
  await withStore(
    command,
    async ({ mill, place }) => {
      const worker = mill.worker(workerOptions)
      const tally = tallyOf(worker)
      const stall = stallOf(worker, logger ?? quietly(output))
      const metrics = metricsOf(worker, options)
      if (superior?.order !== undefined) return
      const isReady = obey(worker, superior)
      const running = worker.run({ until: options.untilIdle === true ? 'idle' : undefined })
      const ready = worker.start().then(async () => {
        isReady()
        await superior?.report('ready')
        if (options.quiet !== true) announce(output, { store: place, names })
      })
      await Promise.all([running, ready]).finally(() => metrics?.close())
      stall.check()
      await superior?.report('stopped')
      if (options.quiet !== true) conclude(output, tally)
    },
    { logger, aheadMs: Number(options.dev ?? 0), withPlugins: true },
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

function metricsOf(worker: Worker, { metricsFile, processes }: Options): MetricsFile | undefined {
  if (metricsFile === undefined) return undefined
  return new MetricsFile(worker, {
    path: metricsFile,
    process: Number(process.env['MILLRACE_PROCESS'] ?? 1),
    processes: processesOf(processes) ?? 1,
  })
}

/** A worker that makes no progress ends, so that another one can be started: by the supervisor, or by whoever runs this. */
function stallOf(worker: Worker, logger: Pick<Logger, 'error'>): { check(): void } {
  let stall: Error | undefined
  worker.on('error', ({ error, doing }) => {
    logger.error({ error }, `${doing} failed`)
    if (codeOf(error) !== 'stalled') return
    stall = error as Error
    void worker.stop({ drain: 0 })
  })
  return {
    check() {
      if (stall !== undefined) throw stall
    },
  }
}

function quietly(output: Output): Pick<Logger, 'error'> {
  return {
    error: (first: object | string, second?: string) => {
      const message = typeof first === 'string' ? first : (second ?? '')
      const cause = typeof first === 'object' && 'error' in first ? `: ${messageOf(first.error)}` : ''
      output.warn(`${message}${cause}`)
    },
  }
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

/** Does what the supervisor says; a drain is nothing to a worker that has not begun. Call the answer when it has. */
function obey(worker: Worker, superior: Superior | undefined): () => void {
  let isReady = false
  superior?.obey((order) => void worker.stop(isReady && order === 'stop' ? {} : { drain: 0 }))
  return () => (isReady = true)
}

function checkProcesses(text: string): void {
  if (processesOf(text) !== undefined) return
  throw new CliError(
    'usage',
    `--processes is ${JSON.stringify(text)}.`,
    'It is a whole number from 1 to 1000.',
  )
}

/** Options that go before what the environment and the configuration say. */
function flagsOf({ queue, concurrency, lease, drain }: Options): Flags['worker'] {
  const slots = concurrency === undefined ? undefined : wholeNumber(concurrency, '--concurrency')
  const names = listed(queue)
  return {
    concurrency: slots,
    queues: names === undefined ? undefined : queueSlots(names, slots),
    lease: lease as Duration | undefined,
    drain: drain as Duration | undefined,
  }
}
