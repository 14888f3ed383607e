/** The worker processes of the demo: ordinary `millrace worker`s, one of which is killed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { CliError } from '../failure.ts'

export interface CrewOptions {
  readonly size: number
  readonly store: string
  readonly namespace: string | undefined
  /** The module with the handlers. */
  readonly file: string
  readonly concurrency: string | undefined
}

const MAIN = fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url))

/** How long after its last lease renewal the tasks of a worker may be taken over. */
const LEASE = '2s'
const STOP_MS = 10_000
const STDERR_MAX = 10_000

interface Member {
  readonly child: ChildProcess
  readonly ended: Promise<void>
}

export class Crew implements AsyncDisposable {
  /** Rejects when no worker is left. */
  readonly lost: Promise<never>
  readonly #members = new Map<number, Member>()
  readonly #lost = Promise.withResolvers<never>()
  #said = ''
  #stopping = false

  constructor(options: CrewOptions) {
    this.lost = this.#lost.promise
    this.lost.catch(() => undefined) // it may be rejected before anybody waits
    for (let i = 0; i < options.size; i++) this.#start(options)
  }

  /** Those that live. */
  get pids(): readonly number[] {
    return [...this.#members.keys()]
  }

  /** Kills a worker in the middle of its work, and resolves when it is gone. */
  async kill(pid: number): Promise<void> {
    const member = this.#members.get(pid)
    member?.child.kill('SIGKILL')
    await member?.ended
  }

  /** Lets the workers drain, and ends those that do not. */
  async stop(): Promise<void> {
    this.#stopping = true
    const members = [...this.#members.values()]
    for (const { child } of members) if (child.connected) child.disconnect()
    const patience = new AbortController()
    const late = sleep(STOP_MS, undefined, { signal: patience.signal }).then(
      () => members.forEach(({ child }) => child.kill('SIGKILL')),
      () => undefined,
    )
    await Promise.all(members.map(({ ended }) => ended))
    patience.abort()
    await late
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #start({ store, namespace, file, concurrency }: CrewOptions): void {
    const options = [
      '--no-config',
      '--lease',
      LEASE,
      '--quiet',
      '--with-parent',
      ...(concurrency === undefined ? [] : ['--concurrency', concurrency]),
    ]
    const child = spawn(process.execPath, [...process.execArgv, MAIN, 'worker', file, ...options], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: environmentOf({ store, namespace }),
    })
    const { pid } = child
    if (pid === undefined) return void child.once('error', (error) => this.#lost.reject(error))
    child.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => (this.#said = (this.#said + text).slice(-STDERR_MAX)))
    // Not `close`: after a disconnect by the parent it never comes.
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve())).then(() => {
      this.#members.delete(pid)
      if (this.#members.size === 0 && !this.#stopping) this.#lost.reject(this.#lossError())
    })
    this.#members.set(pid, { child, ended })
  }

  #lossError(): CliError {
    const [last] = this.#said.trim().split('\n').slice(-1)
    const detail = last === undefined || last === '' ? '' : ` The last thing one said: ${last.trim()}`
    return new CliError(
      'failed',
      `No worker process is left.${detail}`,
      'Start the demo again: it goes on where it was.',
    )
  }
}

/** What a project says of its own workers is not for those of the demo. The URL is nothing for a list of processes. */
function environmentOf({ store, namespace }: Pick<CrewOptions, 'store' | 'namespace'>): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_'))
  return { ...Object.fromEntries(others), MILLRACE_STORE: store, MILLRACE_NAMESPACE: namespace }
}
