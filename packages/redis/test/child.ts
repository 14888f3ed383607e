/** A process of its own, and the lines that it has written. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export class Child {
  readonly lines: string[] = []
  readonly #process: ChildProcess
  readonly #ended: Promise<unknown>
  #heard: (() => void) | undefined

  constructor(script: URL, ...args: readonly string[]) {
    this.#process = spawn(process.execPath, [fileURLToPath(script), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#ended = once(this.#process, 'exit')
    let rest = ''
    this.#process.stdout!.on('data', (data: Buffer) => {
      const lines = (rest + data.toString()).split('\n')
      rest = lines.pop()!
      this.lines.push(...lines)
      this.#heard?.()
    })
  }

  /** Resolves when it has written so many lines that begin so. */
  async wrote(count: number, prefix: string): Promise<void> {
    while (this.ids(prefix).length < count) await new Promise<void>((resolve) => (this.#heard = resolve))
  }

  ids(prefix: string): readonly string[] {
    return this.lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length + 1))
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  async ended(): Promise<void> {
    await this.#ended
  }
}
