/** How long attempts may take: first their signal, and if the handler does not heed it an outcome without it. */
import { overtimeOutcome } from './attempt.ts'
import type { Connection } from '../client/connection.ts'
import type { Outcome } from '../policy/outcome.ts'
import type { Timer } from '../platform/platform.ts'
import type { Unit } from './batch.ts'
import type { Run } from './run.ts'

/** How long after its signal a handler may take to give way before its outcome is decided without it. */
const GIVE_WAY_MS = 1_000

export interface TimeLimitParts {
  readonly connection: Connection
  /** Whether a handler was called for it and has not come back. */
  isBusy(unit: Unit): boolean
  /** The handler did not give way. */
  overdue(run: Run, outcome: Outcome): void
}

export class TimeLimits {
  readonly #parts: TimeLimitParts

  constructor(parts: TimeLimitParts) {
    this.#parts = parts
  }

  /**
   * Whichever is over first: the time of this attempt, or that of all.
   *
   * @param unit what shares its call
   */
  arm(run: Run, unit: Unit): Timer | undefined {
    const { timeoutMs } = run.claim
    const leftMs = run.deadlineMs === null ? Infinity : Math.max(run.deadlineMs - run.startedMs!, 0)
    const limitMs = Math.min(timeoutMs ?? Infinity, leftMs)
    if (limitMs === Infinity) return undefined
    const timeOut = (): void => {
      run.outlived = leftMs === limitMs && run.aborted === undefined
      const message = run.outlived
        ? 'All attempts together took too long.'
        : `The attempt took longer than ${limitMs} ms.`
      this.#timeOut(run, unit, message)
    }
    return this.#parts.connection.platform.setTimer(limitMs, timeOut, 'idle')
  }

  #timeOut(run: Run, unit: Unit, message: string): void {
    run.abort('timeout', message)
    const { platform, logger } = this.#parts.connection
    const decideAlone = (): void => {
      if (!this.#parts.isBusy(unit)) return
      logger.warn(
        { task: run.claim.id, type: run.claim.type },
        'the handler ignores its signal: its slot stays taken',
      )
      this.#parts.overdue(run, overtimeOutcome(run, message))
    }
    platform.setTimer(GIVE_WAY_MS, decideAlone, 'idle')
  }
}
