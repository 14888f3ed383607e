/** The gauges of queues. */
import { OTHER, type LabelBound } from './label-bound.ts'
import type { QueueReading } from './cluster-reading.ts'
import type { Families } from './families.ts'
import type { Gauge } from '@prometheus-io/client'

export class QueueGauges {
  readonly #bound: LabelBound
  readonly #tasks: Gauge<'queue' | 'state'>
  readonly #deadLetters: Gauge<'queue'>
  readonly #oldest: Gauge<'queue'>
  readonly #paused: Gauge<'queue'>
  readonly #workers: Gauge<'queue'>

  constructor(families: Families, bound: LabelBound) {
    this.#bound = bound
    this.#tasks = families.gauge({
      name: 'millrace_queue_tasks',
      help: 'Tasks in the store.',
      labels: ['queue', 'state'],
    })
    this.#deadLetters = families.gauge({
      name: 'millrace_dead_letters',
      help: 'Tasks that have failed for good, as long as the queue keeps them.',
      labels: ['queue'],
    })
    this.#oldest = families.gauge({
      name: 'millrace_queue_oldest_task_age_seconds',
      help: 'How long the first ready task of the queue has been due; 0 if none is.',
      labels: ['queue'],
    })
    this.#paused = families.gauge({
      name: 'millrace_queue_paused',
      help: '1 while the queue is paused.',
      labels: ['queue'],
    })
    this.#workers = families.gauge({
      name: 'millrace_queue_workers',
      help: 'Live workers that serve the queue, those that drain left out.',
      labels: ['queue'],
    })
  }

  clear(): void {
    for (const gauge of [this.#tasks, this.#deadLetters, this.#oldest, this.#paused, this.#workers])
      gauge.reset()
  }

  write({ queue: name, counts, oldestAgeS, paused, workers }: QueueReading): void {
    const queue = this.#bound.of(name)
    for (const [state, count] of Object.entries(counts)) this.#tasks.inc({ queue, state }, count as number)
    this.#deadLetters.inc({ queue }, counts.failed)
    if (queue === OTHER) return // the ages and workers of many queues make no number
    this.#oldest.set({ queue }, oldestAgeS)
    this.#paused.set({ queue }, paused ? 1 : 0)
    this.#workers.set({ queue }, workers)
  }
}
