/** Everything a worker holds under its lease: for renewals to list, and to lose together. */
import type { Held, RenewAnswer } from '../store/port.ts'
import type { TaskId } from '../store/records.ts'
import type { Holding } from './holding.ts'
import { Roster } from './roster.ts'
import { Run } from './run.ts'

export interface HoldingsParts {
  /** Called for each run that was under way when its lease was lost. */
  lost(run: Run): void
}

export class Holdings {
  readonly #parts: HoldingsParts
  readonly #held = new Roster<TaskId, Holding>()

  constructor(parts: HoldingsParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#held.size
  }

  /** Answers whether it is held: one that an answer brought which was long on its way must not end a newer one. */
  add(holding: Holding): boolean {
    const { task, epoch } = holding.fence
    const other = this.#held.get(task)
    if (other !== undefined && other.fence.epoch > epoch) return false
    if (other !== undefined) this.lose(other)
    this.#held.set(task, holding)
    return true
  }

  /** It was settled for good. */
  release(holding: Holding): void {
    if (this.#holds(holding)) this.#held.delete(holding.fence.task)
  }

  /** Somebody else may have it. What is already being settled may still count: the fence will tell. */
  lose(holding: Holding): void {
    if (!this.#holds(holding)) return
    this.release(holding)
    if (holding.ended || holding.apart) return
    holding.lose()
    if (holding instanceof Run && holding.startedMs !== undefined) this.#parts.lost(holding)
  }

  /** Nobody can say how it ended: it is left to the store, and to whoever takes it over. */
  abandon(run: Run): void {
    this.release(run)
    const { ended } = run
    run.lose()
    if (!ended) this.#parts.lost(run)
  }

  loseAll(): void {
    for (const holding of this.#held.values()) this.lose(holding)
  }

  list(): Held[] {
    return this.#held.values().map((holding) => ({
      fence: holding.fence,
      started: holding instanceof Run && holding.startedMs !== undefined,
    }))
  }

  /** What a renewal brought to light. By fence: since it left, a task may have come back to us under a new one. */
  heed({ lost, cancelled }: RenewAnswer): void {
    for (const fence of lost) {
      const holding = this.#held.get(fence.task)
      if (holding?.fence.epoch === fence.epoch && holding.fence.nonce === fence.nonce) this.lose(holding)
    }
    for (const { fence, reason } of cancelled) {
      const holding = this.#held.get(fence.task)
      if (holding instanceof Run && holding.fence.epoch === fence.epoch) {
        holding.abort(
          'cancel',
          reason === null ? 'The task was cancelled.' : `The task was cancelled: ${reason}`,
        )
      }
    }
  }

  #holds(holding: Holding): boolean {
    return this.#held.get(holding.fence.task) === holding
  }
}
