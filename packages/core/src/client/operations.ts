/** What a client was asked for and has not answered yet: whoever closes it waits for that. */
import { ClosedError } from '../task/errors.ts'

export class Operations {
  #underWay = 0
  #closed = false
  readonly #rested = Promise.withResolvers<void>()

  /** Counts one in; `end` counts it out again. @throws ClosedError after `close` */
  begin(): void {
    if (this.#closed) throw new ClosedError()
    this.#underWay += 1
  }

  end(): void {
    this.#underWay -= 1
    if (this.#closed && this.#underWay === 0) this.#rested.resolve()
  }

  /** Takes nothing more, and resolves when all that is under way has ended, well or not. */
  close(): Promise<void> {
    this.#closed = true
    if (this.#underWay === 0) this.#rested.resolve()
    return this.#rested.promise
  }
}
