/** A private Postgres: fsync and synchronous commit on, as in production. */
import { execFileSync, type SpawnOptions } from 'node:child_process'
import { chownSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { programOf, services } from '../../scripts/services.mjs'
import { listening } from './listening.ts'
import { PrivateServer, type ServerPlan } from './server.ts'

/** The first message of a client, of the protocol's version 3; `R` is the answer of who lets it in. */
const HELLO = startupMessage('user\0millrace\0database\0postgres\0\0')

export interface PostgresOptions {
  /** Settings by name, beside those that make it private. */
  readonly settings?: Readonly<Record<string, string>> | undefined
}

export interface PostgresServer extends AsyncDisposable {
  readonly url: string
  readonly server: PrivateServer
}

export async function startPostgres({ settings = {} }: PostgresOptions = {}): Promise<PostgresServer> {
  const initdb = programOf(services.postgres)
  if (initdb === undefined) throw new Error('There is no initdb on the PATH: run npm test.')
  const options = unprivileged()
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'on', ...settings }
  const plan: ServerPlan = {
    name: 'postgres',
    stopSignal: 'SIGINT',
    command(folder, port) {
      const place = ['-D', join(folder, 'data'), '-p', String(port)]
      const set = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
      return [join(dirname(initdb), 'postgres'), ...place, ...set]
    },
    // while it starts up it accepts connections, only to refuse them
    answers: (port) => listening(port, HELLO, /^R/),
    options,
  }
  const server = await PrivateServer.start(plan, (folder) => {
    if (options.uid !== undefined) chownSync(folder, options.uid, options.gid!)
    const args = ['-D', join(folder, 'data'), '-U', 'millrace', '-A', 'trust', '-E', 'UTF8', '--no-sync']
    execFileSync(initdb, [...args, '--locale=C'], { ...options, cwd: folder, stdio: 'pipe' })
  })
  return {
    url: `postgres://millrace@127.0.0.1:${server.port}/postgres`,
    server,
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

/** Its length, counting itself, the version, and the parameters, which are short enough to be one text. */
function startupMessage(parameters: string): string {
  return `\0\0\0${String.fromCodePoint(8 + parameters.length)}\0\x03\0\0${parameters}`
}

/** Postgres does not run as root: then it runs as the user that its package has made, or as nobody. */
function unprivileged(): Pick<SpawnOptions, 'uid' | 'gid'> {
  if (process.getuid?.() !== 0) return {}
  const idOf = (flag: '-u' | '-g', user: string): number =>
    Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  for (const user of ['postgres', 'nobody']) {
    try {
      return { uid: idOf('-u', user), gid: idOf('-g', user) }
    } catch {
      continue // there is no such user
    }
  }
  return {}
}
