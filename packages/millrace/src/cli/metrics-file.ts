/** A file that always has the latest metrics of a worker, whole: somebody else reads it whenever they like. */
import { renameSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { extname } from 'node:path'
import type { Worker } from '@millrace/core'
import { CliError, messageOf } from './failure.ts'
import { metricsText } from './metrics-text.ts'

const WRITE_MS = 10_000

export interface MetricsFileOptions {
  readonly path: string
  /** Which of so many processes this one is, from 1. */
  readonly process: number
  readonly processes: number
}

export class MetricsFile {
  readonly #path: string
  readonly #worker: Worker
  readonly #labels: Readonly<Record<string, string>>
  readonly #timer: NodeJS.Timeout

  /** @throws CliError if it cannot be written */
  constructor(worker: Worker, { path, process: index, processes }: MetricsFileOptions) {
    this.#worker = worker
    this.#path = pathOf(path, index, processes)
    this.#labels = { host: hostname(), process: String(index), pid: String(process.pid) }
    try {
      this.#write()
    } catch (error) {
      throw new CliError(
        'failed',
        `The metrics file ${this.#path} cannot be written: ${messageOf(error)}.`,
        'Its folder must exist, and this user must be allowed to write there.',
      )
    }
    this.#timer = setInterval(() => this.#tryToWrite(), WRITE_MS).unref()
  }

  /** Writes the last word. */
  close(): void {
    clearInterval(this.#timer)
    this.#tryToWrite()
  }

  /** A full disk is no reason to stop working: who reads the file sees how old it is. */
  #tryToWrite(): void {
    try {
      this.#write()
    } catch {
      // it is tried again with the next interval
    }
  }

  /** Under another name first, so that nobody reads half of it. */
  #write(): void {
    const text = metricsText(this.#worker.metrics(), this.#worker.health(), this.#labels)
    const draft = `${this.#path}.${process.pid}.tmp`
    writeFileSync(draft, text)
    renameSync(draft, this.#path)
  }
}

/** Each of several processes has a file of its own: `worker.prom` becomes `worker-2.prom`. */
function pathOf(path: string, index: number, processes: number): string {
  if (processes === 1) return path
  const ending = extname(path)
  return `${path.slice(0, path.length - ending.length)}-${index}${ending}`
}
