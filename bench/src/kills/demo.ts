/** `millrace demo` as a user starts it: what was built, in a process group of its own that can be killed as a whole. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../../packages/millrace/dist/cli/main.js', import.meta.url))
const STORE = 'm.db'
/** Nothing that is catalogued here takes so long: it hangs. */
const LIMIT_MS = 600_000

export interface DemoOptions {
  /** The folder that it runs in, where it puts its store and `catalogue.json`. */
  readonly place: string
  /** The folder to catalogue. */
  readonly folder: string
  readonly more?: readonly string[]
  /** Kills it; after that none is started. In a group of its own it would outlive whoever started it. */
  readonly over: AbortSignal
}

export interface Ending {
  /** `null`: it was killed. */
  readonly code: number | null
  /** All that it wrote, to whichever stream. */
  readonly text: string
}

export class Demo implements Disposable {
  readonly ended: Promise<Ending>
  readonly place: string
  /** The file of its store, unless `more` names another. */
  readonly store: string
  readonly #child: ChildProcess
  #over = false
  #text = ''
  #heard: (() => void)[] = []

  constructor({ place, folder, more = [], over }: DemoOptions) {
    over.throwIfAborted()
    this.place = place
    this.store = join(place, STORE)
    this.#child = spawn(process.execPath, [MAIN, 'demo', folder, '--store', `sqlite:${STORE}`, ...more], {
      cwd: place,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (some: string) => this.#hear(some))
    }
    const kill = (): void => this.signal('SIGKILL')
    const limit = setTimeout(kill, LIMIT_MS)
    over.addEventListener('abort', kill)
    this.ended = once(this.#child, 'close').then(([code]) => {
      this.#over = true
      clearTimeout(limit)
      over.removeEventListener('abort', kill)
      this.#hear('')
      return { code: code as number | null, text: this.#text }
    })
  }

  /** Whether it has ended, for whatever reason. */
  get over(): boolean {
    return this.#over
  }

  /** Resolves when it has written something that matches. */
  async wrote(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#text)) {
      if (this.#over) throw new Error(`It ended without ${String(pattern)}: ${this.#text}`)
      await new Promise<void>((resolve) => this.#heard.push(resolve))
    }
  }

  /** Sends a signal to it and its workers, all at once. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child
    if (pid === undefined || this.#over) return
    try {
      process.kill(-pid, signal)
    } catch (error) {
      // It has ended, and we have not heard of it yet.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  [Symbol.dispose](): void {
    this.signal('SIGKILL')
  }

  #hear(some: string): void {
    this.#text += some
    for (const resolve of this.#heard.splice(0)) resolve()
  }
}
