/** The line to the store's thread: calls go out, answers come back, and the thread's life is watched. */
import { Worker } from 'node:worker_threads'
import { errorOf, notOpen, threadEnded } from './errors.ts'
import type { Hint } from '@millrace/core/store'
import type { OperationName, Operations, Report } from './wire.ts'
import type { ThreadOptions } from './thread.ts'

interface Pending {
  readonly resolve: (answer: never) => void
  readonly reject: (error: unknown) => void
}

/** Sources run as they are; what was built has another ending. */
const THREAD = new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url)

export class Line {
  readonly #worker: Worker
  readonly #path: string
  readonly #onHint: (hint: Hint) => void
  readonly #pending = new Map<number, Pending>()
  #calls = 0
  #end: Error | undefined
  readonly #opened: Promise<void>
  readonly #gone: Promise<void>

  constructor(options: ThreadOptions, onHint: (hint: Hint) => void) {
    this.#path = options.path
    this.#onHint = onHint
    this.#worker = new Worker(THREAD, { workerData: options, name: 'millrace-sqlite' })
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

  call<K extends OperationName>(
    operation: K,
    request: Parameters<Operations[K]>[0],
  ): Promise<ReturnType<Operations[K]>> {
    if (this.#end !== undefined) return Promise.reject(this.#end)
    return new Promise((resolve, reject) => {
      const call = (this.#calls += 1)
      this.#worker.postMessage({ call, operation, request })
      if (this.#pending.size === 0) this.#worker.ref()
      this.#pending.set(call, { resolve, reject })
    })
  }

  /** Ends the thread, which first gives back what it opened. */
  async close(): Promise<void> {
    if (this.#end === undefined) {
      this.#end = notOpen(this.#path)
      this.#worker.postMessage({ call: 0, operation: 'close', request: undefined })
      this.#worker.ref()
    }
    await this.#gone
    this.#abandon(new Error('it was closed'))
  }

  #hear(report: Exclude<Report, { kind: 'opened' | 'refused' }>): void {
    if (report.kind === 'hint') {
      this.#onHint(report.hint)
      return
    }
    if (report.kind === 'answer' && report.hint !== null) this.#onHint(report.hint)
    const pending = this.#pending.get(report.call)
    if (pending === undefined) return
    this.#pending.delete(report.call)
    if (this.#pending.size === 0 && this.#end === undefined) this.#worker.unref()
    if (report.kind === 'failed') pending.reject(errorOf(report.failure))
    else pending.resolve(report.answer as never)
  }

  /** Those who call from now on are told at once. */
  #died(cause: unknown): void {
    this.#end ??= threadEnded(this.#path, cause, 'final')
    this.#abandon(cause)
  }

  /** Calls that were under way may have had their effect. */
  #abandon(cause: unknown): void {
    for (const { reject } of this.#pending.values()) reject(threadEnded(this.#path, cause, 'unknown'))
    this.#pending.clear()
  }
}
