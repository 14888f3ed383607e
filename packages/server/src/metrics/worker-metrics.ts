/** Counts what this process enqueues and what its workers do, for Prometheus: a plugin, which hears of it. */
import { Registry } from '@prometheus-io/client'
import { isStoreFailure } from './error-text.ts'
import { exposition, type Scrape } from './exposition.ts'
import { Families } from './families.ts'
import { labelBounds, type LabelBounds } from './label-bound.ts'
import { operationOf } from './operations.ts'
import { storeErrors } from './store-errors.ts'
import type { Counter, Histogram } from '@prometheus-io/client'
import type {
  BulkAnswer,
  EnqueueCall,
  NamedWorkerEvent,
  Plugin,
  PluginDraft,
  TaskInfo,
  WorkerEvents,
} from '@millrace/core'

/** Where it is counted what a process does. */
export interface PrometheusOptions {
  /** Where it is counted. Default: one of its own. A server in the same process may be given the same one. */
  readonly registry?: Registry | undefined
}

/** A plugin, and what it has counted. */
export interface PrometheusPlugin {
  /** For `connect(url, { plugins: [plugin] })`. */
  readonly plugin: Plugin
  readonly registry: Registry
  /**
   * What was counted, as text.
   *
   * @param accept the header of who asks: Prometheus's own format, or OpenMetrics. Default: the former
   */
  readonly metrics: (accept?: string | null) => Promise<Scrape>
}

/** Up to so many seconds. */
const WAIT_BUCKETS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 3_600]
const RUN_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 3_600]

/**
 * Counts what a client enqueues and what its workers do. Of schedules' runs and of what is enqueued in threads and
 * processes of `runIn` it hears nothing, as no plugin does; what is enqueued in a transaction counts with the call.
 */
export function prometheus({ registry = new Registry() }: PrometheusOptions = {}): PrometheusPlugin {
  const counted = new WorkerMetricsOf(new Families(registry), labelBounds())
  const plugin: Plugin = {
    name: 'prometheus',
    enqueue: (call, next) => counted.enqueuing(call, next),
    event: (event) => counted.hear(event),
  }
  return { plugin, registry, metrics: (accept = null) => exposition(registry, accept) }
}

type Route = 'queue' | 'type'
type Ended = 'succeeded' | 'failed' | 'retried' | 'cancelled' | 'crashed'

class WorkerMetricsOf {
  readonly #bounds: LabelBounds
  readonly #enqueued: Counter<Route | 'outcome'>
  readonly #attempts: Counter<Route | 'outcome'>
  readonly #lost: Counter<Route>
  readonly #reclaimed: Counter<'type' | 'cause'>
  readonly #wait: Histogram<Route>
  readonly #run: Histogram<Route | 'outcome'>
  readonly #storeErrors: Counter<'operation'>

  constructor(families: Families, bounds: LabelBounds) {
    this.#bounds = bounds
    this.#enqueued = families.counter({
      name: 'millrace_tasks_enqueued_total',
      help: 'Tasks that this process enqueued, by what became of that.',
      labels: ['queue', 'type', 'outcome'],
    })
    this.#attempts = families.counter({
      name: 'millrace_task_attempts_total',
      help: 'Attempts of tasks that ended in this process. A retried one is repeated, a failed one was the last.',
      labels: ['queue', 'type', 'outcome'],
    })
    this.#lost = families.counter({
      name: 'millrace_lease_lost_total',
      help: 'Tasks whose lease was lost while they ran in this process.',
      labels: ['queue', 'type'],
    })
    this.#reclaimed = families.counter({
      name: 'millrace_tasks_reclaimed_total',
      help: 'Running tasks that this process took over, since nobody looked after them.',
      labels: ['type', 'cause'],
    })
    this.#wait = families.histogram(
      {
        name: 'millrace_task_wait_seconds',
        help: 'How long tasks were due until this process claimed them, each attempt by itself.',
        labels: ['queue', 'type'],
      },
      WAIT_BUCKETS,
    )
    this.#run = families.histogram(
      {
        name: 'millrace_task_run_seconds',
        help: 'How long attempts took whose handler was called.',
        labels: ['queue', 'type', 'outcome'],
      },
      RUN_BUCKETS,
    )
    this.#storeErrors = storeErrors(families)
  }

  /** Waits for nothing itself: in a transaction on a synchronous connection nobody could. */
  enqueuing({ drafts }: EnqueueCall, next: () => Answers | Promise<Answers>): Answers | Promise<Answers> {
    const refused = (error: unknown): never => {
      for (const draft of drafts) this.#countEnqueued(draft, 'refused')
      if (isStoreFailure(error)) this.#storeErrors.inc({ operation: 'enqueue' })
      throw error
    }
    const added = (answers: Answers): Answers => {
      for (const [index, draft] of drafts.entries())
        this.#countEnqueued(draft, answers[index]?.outcome ?? 'refused')
      return answers
    }
    let answer: Answers | Promise<Answers>
    try {
      answer = next()
    } catch (error) {
      return refused(error)
    }
    return answer instanceof Promise ? answer.then(added, refused) : added(answer)
  }

  hear(event: NamedWorkerEvent): void {
    switch (event.name) {
      case 'started':
        return this.#wait.observe(this.#route(event.task), event.waitedMs / 1_000)
      case 'succeeded':
        return this.#ended(event.task, 'succeeded', event.durationMs)
      case 'failed':
        return this.#ended(event.task, event.willRetryAt === null ? 'failed' : 'retried', event.durationMs)
      case 'cancelled':
      case 'crashed':
        return this.#ended(event.task, event.name, null)
      case 'lost':
        return this.#lost.inc(this.#route(event.task))
      case 'reclaimed':
        return this.#reclaimed.inc({ type: this.#bounds.types.of(event.type), cause: event.cause })
      case 'error':
        return this.#failed(event)
      default:
        return undefined
    }
  }

  /** @param durationMs 0: its handler was not called; `null`: nobody knows */
  #ended(task: TaskInfo, outcome: Ended, durationMs: number | null): void {
    const labels = { ...this.#route(task), outcome }
    this.#attempts.inc(labels)
    if (durationMs !== null && durationMs > 0) this.#run.observe(labels, durationMs / 1_000)
  }

  #failed({ error, doing }: WorkerEvents['error']): void {
    if (isStoreFailure(error)) this.#storeErrors.inc({ operation: operationOf(doing) })
  }

  #countEnqueued({ task, options }: PluginDraft, outcome: BulkAnswer['outcome'] | 'refused'): void {
    const queue = options.queue ?? task.options.queue
    this.#enqueued.inc({ ...this.#route({ queue, type: task.name }), outcome })
  }

  #route({ queue, type }: Pick<TaskInfo, 'queue' | 'type'>): { queue: string; type: string } {
    return { queue: this.#bounds.queues.of(queue), type: this.#bounds.types.of(type) }
  }
}

type Answers = readonly BulkAnswer[]
