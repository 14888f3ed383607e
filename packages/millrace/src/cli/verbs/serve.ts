import type { Mill } from '@millrace/core'
import type { Listening } from '@millrace/server'
import { Option, type Command } from 'commander'
import { createMill } from '../../connect.ts'
import { shownUrl } from '../../store-url.ts'
import { settingsOf } from '../configuration/in-force.ts'
import { serverOptionsOf, type ServeOptions, type ServerFlags } from '../configuration/server-settings.ts'
import { loggerOf } from '../configuration/worker-settings.ts'
import { paint, type Output } from '../output.ts'
import { outputOf } from '../session.ts'
import { goOnUnheard } from '../unheard.ts'

export function addServe(program: Command): void {
  program
    .command('serve')
    .summary('put the store behind REST and gRPC')
    .description(
      'Puts the store behind REST and gRPC, so that programs in any language can enqueue, work and look without its ' +
        'password. It listens on this machine only; where others can reach it, it starts with keys (or tokens, or ' +
        'certificates of clients) and TLS only. Ctrl-C drains: calls that run may end, and a second Ctrl-C breaks them off.',
    )
    .option('--host <address>', 'where to listen (default: 127.0.0.1, which only this machine reaches)')
    .option('--port <number>', 'the port of REST (default: 7420)')
    .option('--grpc-port <number>', 'the port of gRPC, or none (default: 7421)')
    .option('--grpc-reflection', 'let tools such as grpcurl ask which services of gRPC there are')
    .optionsGroup('Who may come in:')
    .option('--keys <file>', 'who has a key of this file, which `millrace keys` writes')
    .option(
      '--jwks <url>',
      'who has a token that one of these public keys has signed; with --issuer and --audience',
    )
    .option('--issuer <name>', 'whose tokens')
    .option('--audience <name>', 'tokens for whom')
    .option('--claim <name>', 'the claim of a token that says what it may do (default: millrace)')
    .optionsGroup('TLS, of both ports:')
    .option('--tls-cert <file>', 'the certificate, in PEM; it is read again when it changes')
    .option('--tls-key <file>', 'its key')
    .option('--tls-client-ca <file>', 'who signs the certificates of clients')
    .addOption(
      new Option(
        '--tls-clients <how>',
        'whether clients need a certificate: required or accepted (default: required, with --tls-client-ca)',
      ),
    )
    .optionsGroup('What is taken upon oneself:')
    .option('--allow-no-auth', 'listen where others reach it, and ask nobody who they are')
    .option('--allow-no-tls', 'listen where others reach it, without TLS: behind a proxy that has it')
    .optionsGroup('Options:')
    .option('--audit <file>', 'add a line of JSON for what operators do (default: the log)')
    .option(
      '--metrics <access>',
      'who may read /metrics: open, or closed, those who may view all queues (default: closed)',
    )
    .option('--drain <duration>', 'how long Ctrl-C waits for calls that run (default: 25s)')
    .option('--drain-delay <duration>', 'how long it still answers before, no longer ready (default: 0s)')
    .option('--quiet', 'say nothing but warnings and errors')
    .addHelpText('after', HELP)
    .action((options: Readonly<Record<string, string | true>>, command: Command) => serve(command, options))
}

const HELP = `
Examples:
  millrace serve
  millrace keys create shop --role producer --queues 'mail,media.*' --keys keys.json
  millrace serve --keys keys.json
  millrace serve --host 0.0.0.0 --keys keys.json --tls-cert server.pem --tls-key server.key
  MILLRACE_STORE_FILE=/run/secrets/store millrace serve --host 0.0.0.0 --keys keys.json --allow-no-tls

Each option has a variable, too (MILLRACE_HOST, MILLRACE_HTTP_PORT, MILLRACE_KEYS_FILE, …): see docs/server.md, and what
is in force: millrace config`

/** Commander has names like `grpcPort`. */
function flagsOf(options: Readonly<Record<string, string | true>>): ServerFlags {
  const named = Object.entries(options).map(([name, value]) => [
    name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    value,
  ])
  return Object.fromEntries(named) as ServerFlags
}

async function serve(command: Command, options: Readonly<Record<string, string | true>>): Promise<void> {
  const settings = await settingsOf(command, { server: flagsOf(options) })
  const serverOptions = serverOptionsOf(settings.server)
  const output = outputOf(command)
  const isQuiet = options['quiet'] === true
  const logger = isQuiet ? undefined : loggerOf(settings, output)
  const { store, namespace, plugins } = settings
  // it is opened by the server, when that knows that it may start
  const mill = createMill(store.value, { logger, namespace: namespace.value, plugins: plugins.value })
  try {
    await run(mill, { options: serverOptions, output, place: shownUrl(store.value), isQuiet })
  } catch (error) {
    await mill.close().catch(() => undefined) // what went wrong first is what is told
    throw error
  }
  await mill.close()
}

interface Run {
  readonly options: ServeOptions
  readonly output: Output
  readonly place: string
  readonly isQuiet: boolean
}

async function run(mill: Mill, { options, output, place, isQuiet }: Run): Promise<void> {
  // loaded by those who serve only
  const { createServer } = await import('@millrace/server')
  const stop = Promise.withResolvers<void>()
  const hurry = Promise.withResolvers<void>()
  using _ = onSignals(stop.resolve, hurry.resolve)
  const { server: how, listen } = options
  const server = await createServer(mill, how).listen(listen)
  goOnUnheard()
  const isOpen = how.auth === undefined || how.auth === 'none'
  if (!isQuiet) announce(output, { server, store: place, isOpen })
  if (isOpen) warnOpen(output)
  await stop.promise
  if (!isQuiet) tell(output, 'stopping', 'The server drains: calls that run may end. Ctrl-C breaks them off.')
  await Promise.race([server.close(), hurry.promise])
  // nothing is left to do if it has drained
  await server.close('now')
  if (!isQuiet) tell(output, 'stopped', 'The server has stopped.')
}

/** Owns SIGINT and SIGTERM until disposed of. */
function onSignals(first: () => void, again: () => void): Disposable {
  let heard = 0
  const hear = (): void => {
    heard += 1
    if (heard === 1) first()
    else again()
  }
  process.on('SIGINT', hear).on('SIGTERM', hear)
  return {
    [Symbol.dispose]() {
      process.off('SIGINT', hear).off('SIGTERM', hear)
    },
  }
}

interface Started {
  readonly server: Listening
  readonly store: string
  readonly isOpen: boolean
}

function announce(output: Output, { server: { url, grpcUrl }, store, isOpen }: Started): void {
  if (output.json) {
    output.value({
      at: new Date().toISOString(),
      level: 'info',
      message: 'ready',
      pid: process.pid,
      store,
      url,
      grpcUrl,
    })
  } else {
    const key = isOpen ? '' : ' -H "Authorization: Bearer $MILLRACE_TOKEN"'
    output.line(`Millrace serves ${store}. Ctrl-C stops it.`)
    output.line(`  REST  ${url}`)
    output.line(`  gRPC  ${grpcUrl ?? 'none'}`)
    output.line(`Try it: ${paint('bold', `curl${key} ${reachable(url)}/v1/queues`)}`)
  }
}

function warnOpen(output: Output): void {
  output.warn(
    'Nobody is asked who they are: who reaches these ports may do everything. To change that: millrace keys create',
  )
}

/** An address for everybody is one for nobody. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//localhost:').replace('//[::]:', '//localhost:')
}

function tell(output: Output, message: string, line: string): void {
  if (output.json) output.value({ at: new Date().toISOString(), level: 'info', message })
  else output.line(line)
}
