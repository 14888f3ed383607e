/** How much of a client is on its way to its store, and how much may be. */
import { BackpressureError } from '../task/errors.ts'
import type { Load } from '../policy/budgets.ts'

/** One account for all that a client sends, whichever way it travels. */
export class Account {
  readonly #max: Load
  #tasks = 0
  #bytes = 0

  constructor(max: Load) {
    this.#max = max
  }

  /** Whether so much would be taken now. Whoever comes to an empty queue is, however much it is: else it never would be. */
  hasRoom({ tasks, bytes }: Load): boolean {
    if (this.#tasks === 0) return true
    return this.#tasks + tasks <= this.#max.tasks && this.#bytes + bytes <= this.#max.bytes
  }

  /** @throws BackpressureError if there is no room for it */
  take(load: Load): void {
    if (!this.hasRoom(load)) throw this.#full(load)
    this.#tasks += load.tasks
    this.#bytes += load.bytes
  }

  /** What was taken has arrived. */
  giveBack({ tasks, bytes }: Load): void {
    this.#tasks -= tasks
    this.#bytes -= bytes
  }

  #full({ tasks }: Load): BackpressureError {
    const [bound, max] =
      this.#tasks + tasks > this.#max.tasks
        ? (['maxPending', this.#max.tasks] as const)
        : (['maxPendingBytes', this.#max.bytes] as const)
    return new BackpressureError(
      `${this.#tasks} tasks with ${this.#bytes} bytes of payload are waiting to be written (${bound} is ${max}).`,
      { hint: `Await earlier enqueues before starting more, use enqueueMany, or raise ${bound}.` },
    )
  }
}
