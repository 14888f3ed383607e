/** Counts how the tasks of the store end, whoever runs them: without a word from workers. */
import { messageOf } from './error-text.ts'
import type { Counter } from '@prometheus-io/client'
import type { Families } from './families.ts'
import type { LabelBounds } from './label-bound.ts'
import type { Logger, Mill, Platform } from '@millrace/core'

export interface EndsMetricsParts {
  readonly mill: Mill
  readonly platform: Platform
  readonly logger: Logger
}

/** After a failure it listens again so much later. */
const AGAIN_MS = 5_000

export class EndsMetrics {
  readonly #parts: EndsMetricsParts
  readonly #bounds: LabelBounds
  readonly #finished: Counter<'queue' | 'type' | 'outcome'>
  readonly #missed: Counter
  readonly #interruptions: Counter
  readonly #stopping = new AbortController()
  #following: Promise<void> | undefined

  constructor(
    parts: EndsMetricsParts,
    { families, bounds }: { readonly families: Families; readonly bounds: LabelBounds },
  ) {
    this.#parts = parts
    this.#bounds = bounds
    this.#finished = families.counter({
      name: 'millrace_tasks_finished_total',
      help: 'Tasks of the whole store that have ended since this server began to listen.',
      labels: ['queue', 'type', 'outcome'],
    })
    this.#missed = families.counter({
      name: 'millrace_events_missed_total',
      help: 'Ends of tasks that this server knows it has not counted, because it did not keep up: at least so many.',
    })
    this.#interruptions = families.counter({
      name: 'millrace_events_interruptions_total',
      help: 'How often listening for ends failed; what ended until it went on is not counted.',
    })
  }

  start(): void {
    this.#following ??= this.#follow()
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#following
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#listen(signal)
        return // the client has closed
      } catch (error) {
        if (signal.aborted) return
        this.#interruptions.inc()
        this.#parts.logger.warn({ error: messageOf(error) }, 'ends of tasks are not counted for now')
        await this.#pause(signal)
      }
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    for await (const event of this.#parts.mill.events({ signal })) {
      if (event.type === 'gap') {
        this.#missed.inc(event.missed)
        continue
      }
      const { queue, type } = event.task
      const outcome = event.type.slice('task.'.length)
      this.#finished.inc({ queue: this.#bounds.queues.of(queue), type: this.#bounds.types.of(type), outcome })
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.#parts.platform.setTimer(AGAIN_MS, end, 'idle')
      signal.addEventListener('abort', end, { once: true })
    })
  }
}
