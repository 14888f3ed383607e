/** Writes a reading of the cluster into gauges. */
import { OTHER, type LabelBounds } from './label-bound.ts'
import type { Families } from './families.ts'
import { QueueGauges } from './queue-gauges.ts'
import type { ClusterReading } from './cluster-reading.ts'
import type { Gauge, LabelValues } from '@prometheus-io/client'

const BREAKER_STATES = ['closed', 'open', 'half-open'] as const

export class ClusterGauges {
  readonly #bounds: LabelBounds
  readonly #queues: QueueGauges
  readonly #unroutable: Gauge<'queue' | 'type'>
  readonly #workers: Gauge<'state'>
  readonly #slots: Gauge<'state'>
  readonly #inUse: Gauge<'limit'>
  readonly #capacity: Gauge<'limit'>
  readonly #breakers: Gauge<'breaker' | 'state'>
  readonly #overdue: Gauge<'schedule'>

  constructor(families: Families, bounds: LabelBounds) {
    this.#bounds = bounds
    this.#queues = new QueueGauges(families, bounds.queues)
    this.#unroutable = families.gauge({
      name: 'millrace_unroutable_task_age_seconds',
      help: 'How long tasks have been due that no live worker serves, handles and has the offers for.',
      labels: ['queue', 'type'],
    })
    this.#workers = families.gauge({
      name: 'millrace_workers',
      help: 'Workers whose lease stands.',
      labels: ['state'],
    })
    this.#slots = families.gauge({
      name: 'millrace_worker_slots',
      help: 'Slots of the live workers that do not drain.',
      labels: ['state'],
    })
    this.#inUse = families.gauge({
      name: 'millrace_limit_in_use',
      help: 'Tasks that run under a limit on concurrency, of the key that is used most.',
      labels: ['limit'],
    })
    this.#capacity = families.gauge({
      name: 'millrace_limit_capacity',
      help: 'Tasks that may run at once under each key of a limit on concurrency.',
      labels: ['limit'],
    })
    this.#breakers = families.gauge({
      name: 'millrace_breaker_state',
      help: '1 for the state that the circuit breaker has; only of those that ever opened.',
      labels: ['breaker', 'state'],
    })
    this.#overdue = families.gauge({
      name: 'millrace_schedule_overdue_seconds',
      help: 'By how much a schedule that is not paused is late with its next run; 0 if it is not.',
      labels: ['schedule'],
    })
  }

  /** Forgets what was there, so that what has gone from the store is not told of any more. */
  clear(): void {
    this.#queues.clear()
    for (const gauge of [
      this.#unroutable,
      this.#workers,
      this.#slots,
      this.#inUse,
      this.#capacity,
      this.#breakers,
      this.#overdue,
    ])
      gauge.reset()
  }

  write(reading: ClusterReading): void {
    this.clear()
    for (const queue of reading.queues) this.#queues.write(queue)
    const bounds = this.#bounds
    const unroutable = new Maxima(this.#unroutable)
    for (const { queue, type, ageS } of reading.unroutable)
      unroutable.raise({ queue: bounds.queues.of(queue), type: bounds.types.of(type) }, ageS)
    for (const state of ['running', 'draining'] as const) this.#workers.set({ state }, reading.workers[state])
    for (const state of ['busy', 'free'] as const) this.#slots.set({ state }, reading.slots[state])
    for (const { limit, inUse, capacity } of reading.limits) {
      const name = bounds.limits.of(limit)
      this.#inUse.inc({ limit: name }, inUse)
      this.#capacity.inc({ limit: name }, capacity)
    }
    for (const { breaker, state } of reading.breakers) {
      const name = bounds.breakers.of(breaker)
      for (const other of BREAKER_STATES)
        if (name !== OTHER || other === state)
          this.#breakers.set({ breaker: name, state: other }, other === state ? 1 : 0)
    }
    const overdue = new Maxima(this.#overdue)
    for (const { schedule, overdueS } of reading.schedules)
      overdue.raise({ schedule: bounds.schedules.of(schedule) }, overdueS)
  }
}

/** Of several values under the same labels the greatest stands. */
class Maxima<Label extends string> {
  readonly #gauge: Gauge<Label>
  readonly #seen = new Map<string, number>()

  constructor(gauge: Gauge<Label>) {
    this.#gauge = gauge
  }

  raise(labels: LabelValues<Label>, value: number): void {
    const key = JSON.stringify(labels)
    if (value < (this.#seen.get(key) ?? -1)) return
    this.#seen.set(key, value)
    this.#gauge.set(labels, value)
  }
}
