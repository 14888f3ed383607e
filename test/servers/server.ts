/** A private server: on a free port, in a folder of its own, durable as in production, ended by its pid. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** How long a server may take until it answers. */
const START_MS = 30_000
const LOOK_MS = 20
/** How often a server that ends by itself is started, and how many ports are tried. */
const TRIES_MAX = 50
/** Linux hands out ports from 32 768 on, others from 49 152 on. */
const PORT_MIN = 10_000
const PORT_MAX = 32_000

export interface ServerPlan {
  readonly name: string
  /** The command line; its folder exists, and is the server's alone. */
  command(folder: string, port: number): readonly [program: string, ...args: readonly string[]]
  /** Rejects as long as the server does not answer. */
  answers(port: number): Promise<unknown>
  readonly options?: Pick<SpawnOptions, 'uid' | 'gid' | 'env'>
  /** The signal that makes it end in good order. */
  readonly stopSignal: NodeJS.Signals
}

export class PrivateServer implements AsyncDisposable {
  readonly folder: string
  readonly port: number
  readonly #plan: ServerPlan
  #process: ChildProcess | undefined
  #said = ''

  private constructor(plan: ServerPlan, folder: string, port: number) {
    this.#plan = plan
    this.folder = folder
    this.port = port
  }

  /** @param prepare fills the folder before the first start */
  static async start(
    plan: ServerPlan,
    prepare: (folder: string) => Promise<unknown> = async () => undefined,
  ): Promise<PrivateServer> {
    const folder = mkdtempSync(join(tmpdir(), `millrace-${plan.name}-`))
    await prepare(folder)
    const server = new PrivateServer(plan, folder, await freePort())
    await server.start()
    return server
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  /**
   * Starts it, on what it left behind if it ran before. Resolves when it answers. One that was killed may not
   * be gone altogether yet: then it is tried again.
   */
  async start(): Promise<void> {
    const end = performance.now() + START_MS
    let tries = 0
    for (;;) {
      const child = this.#spawn()
      try {
        return await this.#untilItAnswers(child, end)
      } catch (error) {
        await this.kill('SIGKILL')
        if (++tries === TRIES_MAX || performance.now() > end) throw error
      }
      await pause()
    }
  }

  #spawn(): ChildProcess {
    const [program, ...args] = this.#plan.command(this.folder, this.port)
    const child = spawn(program, args, { ...this.#plan.options, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data: Buffer) => (this.#said = `${this.#said}${String(data)}`.slice(-4_000)))
    }
    child.on('error', (error) => (this.#said += error.message))
    process.once('exit', this.#killNow)
    return child
  }

  /** Sends a signal and waits until the process is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
    process.off('exit', this.#killNow)
  }

  /** Ends it, and removes its folder. */
  async stop(): Promise<void> {
    await this.kill(this.#plan.stopSignal)
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  readonly #killNow = (): void => void this.#process?.kill('SIGKILL')

  async #untilItAnswers(child: ChildProcess, end: number): Promise<void> {
    for (;;) {
      try {
        await this.#plan.answers(this.port)
        return
      } catch (cause) {
        const ended = child.exitCode !== null || child.signalCode !== null || child.pid === undefined
        if (ended || performance.now() > end) {
          throw new Error(`${this.#plan.name} did not start: ${this.#said}`, { cause })
        }
      }
      await pause()
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_MS))
}

/**
 * A port that nobody listens on at the moment, below those which systems hand out by themselves: an outgoing
 * connection cannot take it before the server does, or while the server is down.
 */
export async function freePort(): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    const port = randomInt(PORT_MIN, PORT_MAX)
    try {
      await tryPort(port)
      return port
    } catch (error) {
      if (tries === TRIES_MAX) throw error
    }
  }
}

function tryPort(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()))
  })
}
