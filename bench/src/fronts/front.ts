/** `millrace serve` in a process of its own, on ports that it keeps: to be killed and started again. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../../test/servers/server.ts'

const CLI = fileURLToPath(new URL('../../../packages/millrace/dist/cli/main.js', import.meta.url))

export class Front implements AsyncDisposable {
  readonly url: string
  readonly grpcUrl: string
  readonly #args: readonly string[]
  #process: ChildProcess | undefined

  private constructor(store: string, port: number, grpcPort: number) {
    this.url = `http://127.0.0.1:${port}`
    this.grpcUrl = `http://127.0.0.1:${grpcPort}`
    this.#args = [
      'serve',
      '--store',
      store,
      '--port',
      String(port),
      '--grpc-port',
      String(grpcPort),
      '--json',
    ]
  }

  /** @param store the URL of the store behind it */
  static async start(store: string): Promise<Front> {
    const front = new Front(store, await freePort(), await freePort())
    await front.start()
    return front
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [CLI, ...this.#args], { stdio: ['ignore', 'pipe', 'ignore'] })
    this.#process = child
    const gone = once(child, 'exit').then(() => {
      throw new Error('The server ended before it was ready.')
    })
    const ready = new Promise<void>((resolve) => {
      createInterface(child.stdout).on('line', (line) => {
        if ((JSON.parse(line) as { readonly message?: string }).message === 'ready') resolve()
      })
    })
    await Promise.race([ready, gone])
    gone.catch(() => undefined) // that it ends later is what it is there for
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill('SIGTERM')
  }
}
