/**
 * On the main thread: the line to the store's thread, and a new one if that has died. A dead thread has lost
 * nothing but what was under way, so it would be a pity if a worker had to be started anew for it.
 */
import { notOpen } from './errors.ts'
import type { Line } from './line.ts'

/** A thread that died is followed by another one at once, but by no more than one in this time. */
const RESTART_MS = 1_000

export interface LinesParts {
  readonly path: string
  /** Starts a thread. @throws InvalidArgumentError */
  start(): Line
  /** A thread has opened the file, the first one or another one: it knows nothing of what the last one was told. */
  opened(line: Line): void
}

export class Lines {
  readonly #parts: LinesParts
  #line: Line | undefined
  /** When the last thread was started to follow one that died. */
  #restartedMs = -Infinity
  #restarting: Promise<void> | undefined
  /** Why no thread could be started to follow the last one. */
  #refusal: Error | undefined

  constructor(parts: LinesParts) {
    this.#parts = parts
  }

  /** @throws StoreError; InvalidArgumentError if its thread was left out of a bundle */
  async open(): Promise<void> {
    const line = this.#parts.start()
    await line.open()
    this.#use(line)
  }

  /**
   * The line to a thread that lives.
   *
   * @throws StoreError without effect while a new one is being started; or why that could not be
   */
  reach(): Line {
    const line = this.#line
    if (line === undefined) throw notOpen(this.#parts.path)
    if (line.death === undefined) return line
    const refusal = this.#refusal
    this.#restart()
    throw refusal ?? line.death
  }

  /** The line that there is now, be its thread dead or alive. */
  get latest(): Line | undefined {
    return this.#line
  }

  /** Ends the thread as it is, and starts another one. @throws StoreError */
  async renew(): Promise<void> {
    await this.#restarting
    const line = this.#line
    if (line === undefined) throw notOpen(this.#parts.path)
    await line.kill()
    this.#startAnother()
    await this.#restarting
    if (this.#refusal !== undefined) throw this.#refusal
  }

  async close(): Promise<void> {
    const line = this.#line
    this.#line = undefined
    await this.#restarting
    await line?.close()
  }

  #restart(): void {
    const now = performance.now()
    if (this.#restarting !== undefined || now - this.#restartedMs < RESTART_MS) return
    this.#startAnother()
  }

  #startAnother(): void {
    this.#restartedMs = performance.now()
    this.#restarting = this.#startAgain().finally(() => (this.#restarting = undefined))
  }

  async #startAgain(): Promise<void> {
    let line: Line
    try {
      line = this.#parts.start()
      await line.open()
    } catch (error) {
      this.#refusal = error as Error
      return
    }
    if (this.#line === undefined) await line.close()
    else this.#use(line)
  }

  #use(line: Line): void {
    this.#refusal = undefined
    this.#line = line
    this.#parts.opened(line)
  }
}
