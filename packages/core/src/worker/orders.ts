/** Does what operators want of this worker. What they said last comes with every renewal: only news counts. */
import type { SessionOrder } from '../store/port.ts'
import type { Slots } from './slots.ts'

export interface OrdersParts {
  readonly slots: Slots
  resized(): void
  /** @param how `drain`: whatever runs may end, in its own time; `stop`: as if the process were asked to end */
  end(how: 'drain' | 'stop'): void
}

export class Orders {
  readonly #parts: OrdersParts
  #end: SessionOrder['end'] = null

  constructor(parts: OrdersParts) {
    this.#parts = parts
  }

  heed(order: SessionOrder | null): void {
    if (order === null) return
    const { end, concurrency } = order
    const { slots } = this.#parts
    if (concurrency !== null && concurrency !== slots.concurrency) {
      slots.resize(concurrency)
      this.#parts.resized()
    }
    if (end === null || end === this.#end) return
    this.#end = end
    this.#parts.end(end)
  }
}
