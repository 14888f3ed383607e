/**
 * Sees that the main thread was blocked, and finds out by whom. While nobody blocks it costs a timer twice a second. A
 * handler that had the thread for so long ran for so long: where only one did, it was that one. Where several did, their
 * stretches are measured from then on, for a while, so that the next time it is known.
 */
import { Stretches } from '../platform/stretches.ts'
import type { Platform, Timer } from '../platform/platform.ts'
import { runsOf, type Unit } from './batch.ts'
import { about, type WorkerEvents } from './events.ts'

/** What is shorter blocks nobody. */
export const BLOCKED_MS = 1_000

const LOOK_EVERY_MS = 500

/** For so long after a block of which nobody knows whose it was, stretches are measured. */
const MEASURED_MS = 600_000

/** Handlers that are named at most. */
const NAMED_MAX = 10

export interface BlockWatchParts {
  readonly platform: Platform
  /** What runs now, and since when. */
  busy(): readonly Unit[]
  blocked(event: WorkerEvents['blocked']): void
}

export class BlockWatch {
  readonly #parts: BlockWatchParts
  readonly stretches: Stretches<Unit>
  /** What ran for long, and has ended since the last look. */
  #ended: Unit[] = []
  /** Who had the thread for long since the last look: measured. */
  #measured = new Map<Unit, number>()
  #timer: Timer | undefined
  #measureUntilMs = 0

  constructor(parts: BlockWatchParts) {
    this.#parts = parts
    this.stretches = new Stretches(BLOCKED_MS / 2, (unit, ms) => {
      this.#measured.set(unit, Math.max(ms, this.#measured.get(unit) ?? 0))
    })
  }

  /** Where nothing blocks, as on a virtual clock, there is nothing to look for. */
  start(): void {
    if (this.#parts.platform.threads === 'available') this.#look(this.#parts.platform.monotonicMs())
  }

  stop(): void {
    this.#timer?.cancel()
    this.stretches.switchOff()
  }

  /** One that ran for at least `BLOCKED_MS` has ended. */
  ended(unit: Unit): void {
    if (this.#timer !== undefined) this.#ended.push(unit)
  }

  #look(nowMs: number): void {
    const dueMs = nowMs + LOOK_EVERY_MS
    const look = (): void => {
      const seenMs = this.#parts.platform.monotonicMs()
      if (seenMs - dueMs >= BLOCKED_MS) this.#tell(seenMs, seenMs - dueMs)
      else if (seenMs > this.#measureUntilMs) this.stretches.switchOff()
      this.#ended = []
      this.#measured = new Map()
      this.#look(seenMs)
    }
    this.#timer = this.#parts.platform.setTimer(LOOK_EVERY_MS, look, 'idle')
  }

  #tell(nowMs: number, lateMs: number): void {
    const startedBy = (unit: Unit): boolean => (runsOf(unit)[0]?.startedMs ?? nowMs) <= nowMs - lateMs
    const running = [...this.#ended, ...this.#parts.busy()].filter(startedBy)
    const measured = [...this.#measured.keys()]
    const units = measured.length > 0 ? measured : running
    const known = measured.length > 0 || running.length === 1
    if (!known && running.length > 1) {
      this.stretches.switchOn()
      this.#measureUntilMs = nowMs + MEASURED_MS
    }
    this.#parts.blocked({
      forMs: Math.round(Math.max(lateMs, ...this.#measured.values())),
      by: units.length === 0 ? 'nobody' : known ? 'these' : 'one-of-these',
      tasks: units.flatMap(runsOf).slice(0, NAMED_MAX).map(about),
    })
  }
}
