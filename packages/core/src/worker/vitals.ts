/** What there is to know of a worker from outside: whether it is well, and what it has done so far. */
import { LoopWatch } from '../platform/loop.ts'
import type { Connection } from '../client/connection.ts'
import type { Executor } from './executor.ts'
import { statusOf, type Condition, type WorkerHealth } from './health.ts'
import type { Lease } from './lease.ts'
import { Tally, type WorkerMetrics } from './metrics.ts'
import type { ResolvedWorkerOptions } from './options.ts'
import { Watchdog } from './watchdog.ts'

export interface VitalsParts {
  readonly connection: Connection
  /** As they are in force. */
  readonly options: ResolvedWorkerOptions
  readonly lease: () => Lease
  readonly executor: () => Executor
  readonly phase: () => Condition['phase']
  readonly stalled: (why: string) => void
  readonly failed: (error: unknown) => void
}

export class Vitals {
  readonly tally: Tally = new Tally()
  readonly #parts: VitalsParts
  readonly #loop = new LoopWatch()
  readonly #watchdog: Watchdog
  /** By the wall clock. */
  #answeredAtMs: number | null = null
  #claimedAtMs: number | null = null

  constructor(parts: VitalsParts) {
    this.#parts = parts
    const { connection, options, stalled, failed } = parts
    const { handlers, queues, offers } = options
    this.#watchdog = new Watchdog({
      connection,
      isReady: () => parts.phase() === 'working' && parts.lease().session !== null && this.#freeSlots() > 0,
      serves: ({ queue, type, needs }) =>
        handlers.has(type) && queues.has(queue) && needs.every((need) => offers.includes(need)),
      stalled,
      failed,
    })
  }

  start(): void {
    this.#watchdog.start()
  }

  stop(): void {
    this.#watchdog.stop()
    this.#loop.stop()
  }

  /** The store has answered a claim. */
  answered(tasks: number): void {
    const nowMs = this.#parts.connection.platform.wallMs()
    this.#answeredAtMs = nowMs
    if (tasks > 0) this.#claimedAtMs = nowMs
    this.tally.claimed += tasks
    this.#watchdog.heard()
  }

  health(): WorkerHealth {
    const { connection, options, lease, executor, phase } = this.#parts
    const { renewedAtMs } = lease()
    return {
      ...statusOf({
        phase: phase(),
        storeIsDown: connection.isDown,
        hasLease: renewedAtMs !== null,
        stall: this.#watchdog.stall,
      }),
      renewedAt: dateOf(renewedAtMs),
      answeredAt: dateOf(this.#answeredAtMs),
      claimedAt: dateOf(this.#claimedAtMs),
      running: executor().running,
      freeSlots: this.#freeSlots(),
      concurrency: options.concurrency,
      loop: this.#loop.read(),
    }
  }

  metrics(): WorkerMetrics {
    const { options, executor } = this.#parts
    const slots = { busy: executor().running, total: options.concurrency }
    return this.tally.read({ slots, loop: this.#loop.read() })
  }

  #freeSlots(): number {
    return Math.max(0, this.#parts.options.concurrency - this.#parts.executor().load)
  }
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}
