/** A private Postgres: fsync and synchronous commit on, as in production. */
import { execFile, execFileSync, type SpawnOptions } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { programOf, services } from '../../scripts/services.mjs'
import { listening } from './listening.ts'
import { PrivateServer, type ServerPlan } from './server.ts'

export interface PostgresOptions {
  /** Settings by name, beside those that make it private. */
  readonly settings?: Readonly<Record<string, string>> | undefined
}

export interface PostgresServer extends AsyncDisposable {
  readonly url: string
  readonly server: PrivateServer
}

/** The first message of a client: its length, the version of the protocol, the user and the database. */
const STARTUP = '\0\0\0\x29\0\x03\0\0user\0millrace\0database\0postgres\0\0'

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
    // while it starts up it accepts connections, and says that it is not ready
    answers: (port) => listening(port, STARTUP, /^R/),
    options,
  }
  const server = await PrivateServer.start(plan, (folder) => makeData(folder, { initdb, user: options }))
  return {
    url: `postgres://millrace@127.0.0.1:${server.port}/postgres`,
    server,
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

interface Maker {
  readonly initdb: string
  readonly user: User
}

const run = promisify(execFile)

/** What initdb makes takes longer than most tests and is the same each time: in a run of the tests it is made once, and copied. */
async function makeData(folder: string, maker: Maker): Promise<void> {
  const { uid, gid } = maker.user
  if (uid !== undefined) chownSync(folder, uid, gid!)
  const shared = process.env['MILLRACE_TEST_RUN']
  if (shared === undefined) return initialize(folder, maker)
  template ??= templateIn(shared, maker)
  await run('cp', ['-a', await template, join(folder, 'data')])
}

let template: Promise<string> | undefined

/** Several processes may make it at the same time: the first one that is done has made it for all. */
async function templateIn(shared: string, maker: Maker): Promise<string> {
  const path = join(shared, 'postgres')
  if (existsSync(path)) return path
  const folder = mkdtempSync(join(shared, 'postgres-'))
  const { uid, gid } = maker.user
  if (uid !== undefined) chownSync(folder, uid, gid!)
  await initialize(folder, maker)
  try {
    renameSync(join(folder, 'data'), path)
  } catch (error) {
    if (!existsSync(path)) throw error
  }
  return path
}

async function initialize(folder: string, { initdb, user }: Maker): Promise<void> {
  const args = ['-D', join(folder, 'data'), '-U', 'millrace', '-A', 'trust', '-E', 'UTF8', '--no-sync']
  await run(initdb, [...args, '--locale=C'], { ...user, cwd: folder })
}

type User = Pick<SpawnOptions, 'uid' | 'gid'>

/** Postgres does not run as root: then it runs as the user that its package has made, or as nobody. */
function unprivileged(): User {
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
