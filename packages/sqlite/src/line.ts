/** The line to the store's thread: calls go out, answers come back, and the thread's life is watched. */
import process from 'node:process'
import { Worker } from 'node:worker_threads'
import { besideModule } from '@millrace/core/store'
import { errorOf, notOpen, threadEnded } from './errors.ts'
import type { Hint, Port } from '@millrace/core/store'
import type { Answer, Call, OperationName, Operations, Report } from './wire.ts'
import type { ThreadOptions } from './sqlite-thread.ts'

interface Pending {
  readonly resolve: (answer: never) => void
  readonly reject: (error: unknown) => void
}

export class Line {
  readonly #worker: Worker
  readonly #path: string
  readonly #onHint: (hint: Hint) => void
  readonly #pending = new Map<number, Pending>()
  /** Calls of this turn. */
  #leaving: Call[] = []
  #calls = 0
  /** What is answered from now on. */
  #end: Error | undefined
  #death: Error | undefined
  readonly #opened: Promise<void>
  readonly #gone: Promise<void>

  /** @throws InvalidArgumentError if its thread was left out of a bundle */
  constructor(options: ThreadOptions, onHint: (hint: Hint) => void) {
    this.#path = options.path
    this.#onHint = onHint
    this.#worker = new Worker(besideModule(import.meta.url, 'sqlite-thread'), {
      workerData: options,
      name: 'millrace-sqlite',
    })
    const opened = Promise.withResolvers<void>()
    this.#opened = opened.promise
    this.#gone = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#died(new Error(`the thread ended with code ${code}`))
        opened.reject(this.#end)
        resolve()
      })
    })
    this.#worker.on('error', (error) => this.#died(error))
    this.#worker.on('message', (report: Report) => {
      if (report.kind === 'opened') opened.resolve()
      else if (report.kind === 'refused') opened.reject(errorOf(report.failure))
      else this.#hear(report)
    })
  }

  /** Resolves when the thread has opened the file; from then on it keeps no process alive by itself. */
  async open(): Promise<void> {
    try {
      await this.#opened
    } catch (error) {
      await this.#worker.terminate()
      throw error
    }
    this.#worker.unref()
  }

  /** That its thread has died, and of what; `undefined` if it lives, or was closed. */
  get death(): Error | undefined {
    return this.#death
  }

  call<K extends OperationName>(
    operation: K,
    request: Parameters<Operations[K]>[0],
  ): Promise<ReturnType<Operations[K]>> {
    if (this.#end !== undefined) return Promise.reject(this.#end)
    return new Promise((resolve, reject) => {
      const call = (this.#calls += 1)
      this.#send({ call, operation, request })
      if (this.#pending.size === 0) this.#worker.ref()
      this.#pending.set(call, { resolve, reject })
    })
  }

  /** A heart moves in with the thread; its port closes when that ends. */
  lodge(heart: Port): void {
    const call: Call = { call: 0, operation: 'lodge', request: heart }
    this.#worker.postMessage([call], [heart])
  }

  /** Ends the thread, which first gives back what it opened. */
  async close(): Promise<void> {
    if (this.#end === undefined) {
      this.#end = notOpen(this.#path)
      this.#send({ call: 0, operation: 'close', request: undefined })
      this.#worker.ref()
    }
    await this.#gone
    this.#abandon(new Error('it was closed'))
  }

  /** Ends the thread in the middle of whatever it does: its file is as if its process had been killed. */
  async kill(): Promise<void> {
    await this.#worker.terminate()
  }

  /**
   * What is called in one turn goes in one message, when the promises of the turn have come to rest: it wakes
   * the thread once, and the thread does it with one commit.
   */
  #send(call: Call): void {
    if (this.#leaving.push(call) > 1) return
    queueMicrotask(() => process.nextTick(() => this.#post()))
  }

  /** Posts what was called so far: for calls with enough in them to be worth a message of their own. */
  hurry(): void {
    if (this.#leaving.length > 0) this.#post()
  }

  #post(): void {
    const calls = this.#leaving
    this.#leaving = []
    if (calls.length === 0) return
    try {
      this.#worker.postMessage(calls)
    } catch {
      for (const call of calls) this.#postAlone(call)
    }
  }

  /** One of several cannot travel: it is refused, and the others go. */
  #postAlone(call: Call): void {
    try {
      this.#worker.postMessage([call])
    } catch (error) {
      this.#pending.get(call.call)?.reject(error)
      this.#pending.delete(call.call)
    }
  }

  #hear({ answers, hint }: Extract<Report, { kind: 'answers' }>): void {
    if (hint !== null) this.#onHint(hint)
    for (const answer of answers) this.#settle(answer)
    if (this.#pending.size === 0 && this.#end === undefined) this.#worker.unref()
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.call)
    if (pending === undefined) return
    this.#pending.delete(answer.call)
    if ('failure' in answer) pending.reject(errorOf(answer.failure))
    else pending.resolve(answer.answer as never)
  }

  /** Those who call from now on are told at once. */
  #died(cause: unknown): void {
    if (this.#end === undefined) {
      this.#death = threadEnded(this.#path, cause, 'none')
      this.#end = this.#death
    }
    this.#abandon(cause)
  }

  /** Calls that were under way may have had their effect. */
  #abandon(cause: unknown): void {
    for (const { reject } of this.#pending.values()) reject(threadEnded(this.#path, cause, 'unknown'))
    this.#pending.clear()
  }
}
