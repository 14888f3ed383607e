/** All that a worker does besides its tasks: it leads or follows, looks after lost tasks, and lets schedules fire. */
import { Caretaker, type CaretakerParts } from './caretaker.ts'
import { Leadership } from './leadership.ts'
import { Scheduler } from './scheduler.ts'
import type { Nonce } from '../store/records.ts'

export class Upkeep {
  readonly #leadership: Leadership
  readonly #caretaker: Caretaker
  readonly #scheduler: Scheduler

  constructor(parts: Omit<CaretakerParts, 'leads'>) {
    const leads = (): boolean => this.#leadership.leads
    this.#leadership = new Leadership(parts)
    this.#caretaker = new Caretaker({ ...parts, leads })
    this.#scheduler = new Scheduler({ ...parts, leads })
  }

  /** Take-overs whose answer may still bring tasks. */
  get awaiting(): readonly Nonce[] {
    return this.#caretaker.awaiting
  }

  start(): void {
    this.#leadership.start()
    this.#caretaker.start()
    this.#scheduler.start()
  }

  /** An exchange said that there are more dependents than it could tell. */
  deliverNow(): void {
    this.#caretaker.deliverNow()
  }

  /** Resolves when what is under way is done; nothing new begins. */
  async stop(): Promise<void> {
    await Promise.all([this.#caretaker.stop(), this.#scheduler.stop(), this.#leadership.stop()])
  }
}
