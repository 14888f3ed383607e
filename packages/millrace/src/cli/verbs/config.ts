import type { Command } from 'commander'
import { shownUrl } from '../../store-url.ts'
import { settingsOf } from '../configuration/in-force.ts'
import type { Setting, Settings } from '../configuration/settings.ts'
import { asJson, paint, printable, table } from '../output.ts'
import { outputOf } from '../session.ts'

export function addConfig(program: Command): void {
  program
    .command('config')
    .summary('show the settings that are in force, and where they come from')
    .description(
      'Shows the settings that are in force here, and where each comes from: an option, a variable of the environment, the ' +
        'configuration of the project (millrace.config.ts, .js or .json in the current folder, or --config FILE), or what is ' +
        'built in; the first of these that says something counts. Passwords are masked.',
    )
    .addHelpText('after', HELP)
    .action((_: unknown, command: Command) => config(command))
}

const HELP = `
Variables: MILLRACE_CONFIG, MILLRACE_STORE (or MILLRACE_STORE_FILE, a file that holds it), MILLRACE_NAMESPACE, of workers
  MILLRACE_CONCURRENCY, MILLRACE_QUEUES (media=20,default=5), MILLRACE_LEASE, MILLRACE_DRAIN, and of servers one for each
  option of \`millrace serve\`: those that say something are named here

A millrace.config.ts:
  import { defineConfig } from 'millrace'
  export default defineConfig({
    store: 'postgres://localhost/app',
    handlers: ['./src/handlers.ts'],
    worker: { concurrency: 20 },
  })`

async function config(command: Command): Promise<void> {
  const settings = await settingsOf(command)
  const output = outputOf(command)
  const shown = shownSettings(settings)
  if (output.json) return shown.forEach(({ text: _, ...one }) => output.value(one))
  output.line(
    settings.file === null
      ? `There is no configuration in ${printable(process.cwd())}.`
      : `The configuration is ${printable(settings.file)}.`,
  )
  output.line()
  const rows = shown.map(({ setting, text, from, by }) => [
    setting,
    text,
    by === null ? from : `${from} ${by}`,
  ])
  for (const line of table(['SETTING', 'VALUE', 'FROM'], rows)) output.line(line)
  output.line()
  output.line(
    paint('dim', 'Options go before variables, those before the file, and that before what is built in.'),
  )
}

interface ShownSetting extends Omit<Setting<unknown>, 'value'> {
  readonly setting: string
  /** `null`: there is none, or it is no data. */
  readonly value: unknown
  readonly text: string
}

/** What is done where nothing is said. */
const UNSAID: Readonly<Record<string, string>> = {
  namespace: 'default',
  handlers: 'none',
  'worker.concurrency': '10, or the slots of its queues',
  'worker.queues': 'those of the handlers',
  'worker.lease': '15s',
  'worker.drain': '25s',
  'worker.maxBlock': '60s',
  'worker.offers': 'none',
  'worker.priorities': '16, 8, 4, 2, 1',
  'worker.budget': 'none',
  'worker.isolates': 'as many as run at the same time',
  'server.host': '127.0.0.1',
  'server.port': '7420',
  'server.grpcPort': '7421',
  'server.reflection': 'false',
  'server.auth.jwt.claim': 'millrace',
  'server.auth.jwt.algorithms': 'all asymmetric ones',
  'server.auth.jwt.clockToleranceSeconds': '5',
  'server.audit': 'the log',
  'server.metrics': 'closed',
  'server.drain': '25s',
  'server.drainDelay': '0s',
  'server.limits': 'as in docs/server.md',
  'server.insecure.noAuth': 'false',
  'server.insecure.noTls': 'false',
  plugins: 'none',
  logger: 'lines of `millrace worker`, else warnings on stderr',
}

function shownSettings(settings: Settings): readonly ShownSetting[] {
  const { store, namespace, handlers, worker, server, plugins, logger } = settings
  return [
    shown('store', { ...store, value: shownUrl(store.value) }),
    shown('namespace', namespace),
    shown('handlers', handlers),
    ...Object.entries(worker).map(([name, setting]) => shown(`worker.${name}`, setting)),
    ...Array.from(server, ([name, setting]) =>
      shown(`server.${name}`, { ...setting, value: plain(setting.value) }),
    ),
    shown('plugins', { ...plugins, value: plugins.value?.map(({ name }) => name) }),
    shown('logger', { ...logger, value: logger.value === undefined ? undefined : 'a logger' }),
  ]
}

function shown(setting: string, { value, from, by }: Setting<unknown>): ShownSetting {
  const isUnsaid = value === undefined || (from === 'built-in' && Array.isArray(value))
  return {
    setting,
    value: value ?? null,
    text: isUnsaid ? (UNSAID[setting] ?? 'none') : textOf(value),
    from,
    by,
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.map(String).join(', ') : asJson(value)
}

/** URLs without their passwords; what is code, and not data, is only named. */
function plain(value: unknown): unknown {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'string') return shownUrl(value)
  if (value instanceof URL) return shownUrl(value.href)
  return value
}
