/** What a worker has counted, as the text that Prometheus and those who speak its format read. */
import type { WorkerHealth, WorkerMetrics, WorkerState } from '@millrace/core'

const STATES: readonly WorkerState[] = ['starting', 'ok', 'draining', 'stalled', 'store-down', 'stopped']

type Kind = 'counter' | 'gauge' | 'histogram'
type Labels = Readonly<Record<string, string>>

/** @param labels of every line, to tell workers apart */
export function metricsText(
  metrics: WorkerMetrics,
  { status, renewedAt, claimedAt }: WorkerHealth,
  labels: Labels,
): string {
  const { attempts, slots, loop } = metrics
  const text = new Text(labels)
  text.counter('claimed_tasks_total', 'Tasks taken from the store.', metrics.claimed)
  text.counter('succeeded_tasks_total', 'Tasks that succeeded.', metrics.succeeded)
  text.counter('failed_tasks_total', 'Tasks that failed for good.', metrics.failed)
  text.counter('retried_attempts_total', 'Attempts that failed and are repeated.', metrics.retried)
  text.counter('cancelled_tasks_total', 'Tasks that were cancelled while they ran.', metrics.cancelled)
  text.counter('lost_tasks_total', 'Tasks whose lease was lost while they ran.', metrics.lost)
  text.counter('taken_over_tasks_total', 'Tasks taken over from workers that were gone.', metrics.crashes)
  text.counter('exchanges_total', 'Round trips to the store that settled or claimed.', metrics.exchanges)
  text.family('attempt_duration_seconds', 'histogram', 'How long attempts took.')
  for (const { atMostMs, count } of attempts.buckets)
    text.line('attempt_duration_seconds_bucket', count, { le: String(atMostMs / 1_000) })
  text.line('attempt_duration_seconds_bucket', attempts.count, { le: '+Inf' })
  text.line('attempt_duration_seconds_sum', attempts.totalMs / 1_000)
  text.line('attempt_duration_seconds_count', attempts.count)
  text.gauge('slots', 'Handlers that may run at the same time.', slots.total)
  text.gauge('busy_slots', 'Handlers that run.', slots.busy)
  text.family('event_loop_delay_seconds', 'gauge', 'How late the event loop was lately.')
  for (const [stat, ms] of [
    ['mean', loop.meanMs],
    ['p99', loop.p99Ms],
    ['max', loop.maxMs],
  ] as const)
    text.line('event_loop_delay_seconds', ms / 1_000, { stat })
  text.family('status', 'gauge', '1 for the status that the worker has.')
  for (const state of STATES) text.line('status', state === status ? 1 : 0, { status: state })
  text.gauge(
    'renewed_timestamp_seconds',
    'When the lease was renewed last; 0 without a lease.',
    secondsOf(renewedAt),
  )
  text.gauge('claimed_timestamp_seconds', 'When a task was claimed last; 0 for never.', secondsOf(claimedAt))
  return text.toString()
}

class Text {
  readonly #labels: Labels
  readonly #lines: string[] = []

  constructor(labels: Labels) {
    this.#labels = labels
  }

  counter(name: string, help: string, value: number): void {
    this.family(name, 'counter', help)
    this.line(name, value)
  }

  gauge(name: string, help: string, value: number): void {
    this.family(name, 'gauge', help)
    this.line(name, value)
  }

  family(name: string, kind: Kind, help: string): void {
    this.#lines.push(`# HELP millrace_worker_${name} ${help}`, `# TYPE millrace_worker_${name} ${kind}`)
  }

  line(name: string, value: number, labels: Labels = {}): void {
    const pairs = Object.entries({ ...this.#labels, ...labels }).map(
      ([key, text]) => `${key}="${escaped(text)}"`,
    )
    this.#lines.push(`millrace_worker_${name}{${pairs.join(',')}} ${value}`)
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`
  }
}

function secondsOf(date: Date | null): number {
  return date === null ? 0 : date.getTime() / 1_000
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
