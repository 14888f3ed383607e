/** The process that supervises this one, as this one sees it. */
import { messageOf, textOf, type Order, type Report } from './line.ts'

export class Superior {
  #order: Order | undefined
  #obey: ((order: Order) => void) | undefined

  constructor() {
    process.on('message', (message) => {
      const text = textOf(message)
      if (text === 'stop' || text === 'hurry') this.#hear(text)
    })
    // nobody starts this one again or tells it anything any more: it must not outlive who is responsible for it
    process.once('disconnect', () => this.#hear('stop'))
    if (!process.connected) this.#order = 'stop'
  }

  /** What was asked for last. */
  get order(): Order | undefined {
    return this.#order
  }

  /** Calls the listener with each order from now on. */
  obey(listener: (order: Order) => void): void {
    this.#obey = listener
  }

  /** Resolves when it is said, or when nobody is there to hear it. */
  async report(report: Report): Promise<void> {
    if (!process.connected) return
    await new Promise<void>((resolve) => process.send?.(messageOf(report), () => resolve()))
  }

  #hear(order: Order): void {
    this.#order = order
    this.#obey?.(order)
  }
}
