/**
 * Sees that a worker makes progress. It looks at what is in memory now and then; only a worker that has room and has
 * heard nothing for long asks the store what waits.
 */
import { judgeProgress, SILENCE_MS } from '../policy/progress.ts'
import type { Connection } from '../client/connection.ts'
import type { WaitingRoute } from '../store/inspection.ts'
import type { Timer } from '../platform/platform.ts'

const LOOK_MS = 10_000

export interface WatchdogParts {
  readonly connection: Connection
  /** Whether the worker has room, and a lease under which it could claim. */
  isReady(): boolean
  /** Whether it could run such a task. */
  readonly serves: (route: WaitingRoute) => boolean
  /** Nothing moves, and new connections did not help. Told once in each silence. */
  stalled(why: string): void
  failed(error: unknown): void
}

export class Watchdog {
  readonly #parts: WatchdogParts
  #timer: Timer | undefined
  /** When a claim was answered last, or there was no reason to ask, by the monotonic clock. */
  #heardMs = 0
  /** When the connections were made anew in this silence. */
  #renewedMs: number | null = null
  #stall: string | undefined
  #looking = false

  constructor(parts: WatchdogParts) {
    this.#parts = parts
  }

  /** Why nothing moves, if nothing does. */
  get stall(): string | undefined {
    return this.#stall
  }

  start(): void {
    this.heard()
    this.#lookLater()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** The store has answered a claim. */
  heard(): void {
    this.#heardMs = this.#parts.connection.platform.monotonicMs()
    this.#renewedMs = null
    this.#stall = undefined
  }

  #lookLater(): void {
    this.#timer = this.#parts.connection.platform.setTimer(
      LOOK_MS,
      () => {
        this.#lookLater()
        void this.#look()
      },
      'idle',
    )
  }

  async #look(): Promise<void> {
    if (this.#looking) return
    // without room or a lease nobody expects an answer; a store that is down is no stall of this worker's
    if (!this.#parts.isReady() || this.#parts.connection.isDown) return this.heard()
    if (this.#silentMs() < SILENCE_MS) return
    this.#looking = true
    try {
      await this.#judge(await this.#dueForMs())
    } catch (error) {
      this.#parts.failed(error)
    } finally {
      this.#looking = false
    }
  }

  async #judge(dueForMs: number | null): Promise<void> {
    const { connection } = this.#parts
    const nowMs = connection.platform.monotonicMs()
    const renewedAgoMs = this.#renewedMs === null ? null : nowMs - this.#renewedMs
    const verdict = judgeProgress({ silentMs: this.#silentMs(), dueForMs, renewedAgoMs })
    if (verdict === 'renew') {
      this.#renewedMs = nowMs
      connection.logger.warn(
        { silentMs: Math.round(this.#silentMs()) },
        'work is due, and no claim was answered: the connections to the store are made anew',
      )
      await connection.store.reconnect()
    } else if (verdict === 'stalled' && this.#stall === undefined) {
      this.#stall = `Work is due, slots are free, and no claim was answered for ${Math.round(this.#silentMs() / 1_000)} s.`
      this.#parts.stalled(this.#stall)
    }
  }

  #silentMs(): number {
    return this.#parts.connection.platform.monotonicMs() - this.#heardMs
  }

  /** For how long the oldest task has been due that this worker could take. */
  async #dueForMs(): Promise<number | null> {
    const { connection, serves } = this.#parts
    const [routes, queues, now] = await Promise.all([
      connection.read((store) => store.waitingRoutes(), 'insists'),
      connection.read((store) => store.queues(), 'insists'),
      connection.read((store) => store.now(), 'insists'),
    ])
    const paused = new Set(queues.filter((queue) => queue.paused).map(({ queue }) => queue))
    const due = routes.filter((route) => !paused.has(route.queue) && serves(route))
    return due.length === 0 ? null : now - Math.min(...due.map(({ dueSince }) => dueSince))
  }
}
