/** `millrace dev`: a worker that is started anew whenever its code changes, on a store of the project's own. */
import { relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { parseStoreUrl, shownUrl } from '../../store-url.ts'
import { settingsOf } from '../configuration/in-force.ts'
import type { Settings } from '../configuration/settings.ts'
import { modulesOf } from '../configuration/worker-settings.ts'
import { CliError } from '../failure.ts'
import { wholeNumber } from '../options.ts'
import { paint, printable, type Output } from '../output.ts'
import { checkFiles } from '../handlers.ts'
import { outputOf } from '../session.ts'
import { startCharge } from '../supervision/charge.ts'
import type { Ending } from '../supervision/supervisor.ts'
import { goOnUnheard } from '../unheard.ts'
import { DevClock } from './clock.ts'
import { aheadMsOf, DEV_STORE, prepareStore } from './dev-store.ts'
import { FileWatch } from './file-watch.ts'
import { Reloader } from './reloader.ts'

interface Options {
  readonly clock?: boolean
  readonly fresh?: boolean
  readonly concurrency?: string
}

/** Short, so that a change is seen soon, and what a crash left behind runs again at once. */
const WORKER_TIMES = ['--drain', '5s', '--lease', '2s'] as const

export function addDev(program: Command): void {
  program
    .command('dev')
    .summary('run handlers while you write them')
    .description(
      'Runs the handlers that modules export, as `millrace worker` does, and starts anew whenever one of their files changes: what ' +
        'runs may finish within 5 s, the rest is run again by the new code. The store is a file of the project ' +
        `(${DEV_STORE.replace('sqlite:', '')}), whatever the environment and the configuration say; only --store names another one.`,
    )
    .argument('[file...]', 'modules that export handlers (default: the handlers of the configuration)')
    .option('--clock', 'move store time: +1h and Enter lets an hour pass, Enter alone shows the time')
    .option('--fresh', 'begin with an empty store')
    .option('--concurrency <count>', 'handlers that run at the same time (default: 10)')
    .addHelpText('after', HELP)
    .action((files: readonly string[], options: Options, command: Command) => dev(command, files, options))
}

const HELP = `
Examples:
  millrace dev src/handlers.ts
  millrace dev src/handlers.ts --clock        then +1d: what is due within a day runs now

In another terminal:
  export MILLRACE_STORE=${DEV_STORE}
  millrace enqueue greet '{"name":"Ada"}'
  millrace top`

async function dev(command: Command, files: readonly string[], options: Options): Promise<void> {
  const settings = await settingsOf(command, { files })
  await checkFiles(modulesOf(settings)) // a file that is not there cannot change either
  if (options.concurrency !== undefined) wholeNumber(options.concurrency, '--concurrency')
  const store = storeOf(settings, options)
  const output = outputOf(command)
  goOnUnheard()
  if (store === DEV_STORE) await prepareStore({ fresh: options.fresh === true })
  const clock = new DevClock(await aheadMsOf(store))
  announce(output, { store, clock, movable: options.clock === true })
  const { config } = command.optsWithGlobals<{ readonly config?: string | false }>()
  const given = [
    ...files,
    ...(options.concurrency === undefined ? [] : ['--concurrency', options.concurrency]),
    ...(config === undefined ? [] : config === false ? ['--no-config'] : ['--config', config]),
    ...(output.json ? ['--json'] : []),
  ]
  const env = {
    MILLRACE_STORE: store,
    MILLRACE_NAMESPACE: store.startsWith('sqlite:') ? 'default' : settings.namespace.value,
  }
  process.exitCode = await reloading({
    output,
    clock: options.clock === true ? clock : undefined,
    args: () => ['worker', '--with-parent', '--dev', String(clock.aheadMs), ...WORKER_TIMES, ...given],
    env,
  })
}

/** @throws CliError for what does not go with a store that others use */
function storeOf({ store }: Settings, { clock, fresh }: Options): string {
  if (store.from !== 'option') return DEV_STORE
  const { kind } = parseStoreUrl(store.value)
  const hint = `Leave --store away: the store of the project is ${DEV_STORE}.`
  if (fresh === true) throw new CliError('usage', '--fresh does not empty the store of an option.', hint)
  if (kind === 'memory') throw new CliError('usage', 'A store in memory ends with its process.', hint)
  if (clock === true && kind !== 'sqlite')
    throw new CliError('usage', 'The clock can be moved of a SQLite file only.', hint)
  return store.value
}

interface Reloading {
  readonly output: Output
  /** `undefined`: it cannot be moved. */
  readonly clock: DevClock | undefined
  readonly args: () => readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

async function reloading({ output, clock, args, env }: Reloading): Promise<number> {
  using files = new FileWatch((path) => {
    say(output, `${relative(process.cwd(), path)} has changed.`, { changed: path })
    reloader.changed()
  })
  const reloader = new Reloader({
    start: (events) =>
      startCharge({ args: args(), env, stdin: 'ignore' }, events, (said) => watchLoaded(files, said, output)),
    ended: (ending) => {
      const text = `The worker process has ended (${howOf(ending)}). It starts again when one of its files changes.`
      say(output, text, { ended: ending })
    },
    later: (delayMs, run) => {
      const timer = setTimeout(run, delayMs)
      return () => clearTimeout(timer)
    },
  })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => reloader.asked())
  if (clock !== undefined) takeLines(clock, output, () => reloader.changed())
  return await reloader.run()
}

/** Moved, it is the clock of the next process: what runs ends before an hour has passed for it. */
function takeLines(clock: DevClock, output: Output, moved: () => void): void {
  createInterface({ input: process.stdin }).on('line', (line) => {
    const taken = clock.take(line)
    if (taken.kind === 'not understood') return say(output, taken.why, {})
    say(output, `Store time is ${clock.text(Date.now())}.`, { aheadMs: clock.aheadMs })
    if (taken.kind === 'moved') moved()
  })
}

function watchLoaded(files: FileWatch, said: unknown, output: Output): void {
  if (typeof said !== 'object' || said === null || !('loaded' in said)) return
  const path = String(said.loaded)
  try {
    files.add(path)
  } catch (error) {
    say(output, `${path} is not watched: ${String(error)}`, {})
  }
}

function announce(
  output: Output,
  { store, clock, movable }: { readonly store: string; readonly clock: DevClock; readonly movable: boolean },
): void {
  if (output.json) return
  const place = shownUrl(store)
  output.note(`Millrace dev on ${place}. It starts anew when a file changes; Ctrl-C stops it.`)
  const path = store === DEV_STORE ? `sqlite:${resolve(DEV_STORE.replace('sqlite:', ''))}` : place
  output.note(paint('dim', `  In another terminal: export MILLRACE_STORE=${path}`, process.stderr))
  const now = clock.text(Date.now())
  if (movable) output.note(`  Store time is ${now}. To move it type +1h and Enter.`)
  else if (clock.aheadMs > 0) output.note(`  Store time is ${now}. To begin anew: --fresh`)
}

function say(output: Output, text: string, value: object): void {
  if (output.json) output.value({ at: new Date().toISOString(), level: 'info', message: text, ...value })
  else output.note(paint('cyan', printable(text), process.stderr))
}

function howOf({ code, signal }: Ending): string {
  return signal === null ? `exit code ${code ?? 'unknown'}` : signal
}
