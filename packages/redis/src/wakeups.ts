/** Hears what scripts publish, for as long as somebody wants to know. */
import { EVERYTHING, hintOf, Watchers, type Hint } from '@millrace/core/store'
import type { Listen } from './line.ts'

export class Wakeups {
  readonly #listen: Listen
  readonly #channel: string
  readonly #watchers = new Watchers((listened) => this.#listened(listened))
  #end: (() => void) | undefined

  constructor(listen: Listen, channel: string) {
    this.#listen = listen
    this.#channel = channel
  }

  watch(): AsyncIterableIterator<Hint> {
    return this.#watchers.watch()
  }

  close(): void {
    this.#watchers.close()
    this.#listened(false)
  }

  #listened(listened: boolean): void {
    this.#end?.()
    this.#end = undefined
    if (!listened) return
    this.#end = this.#listen(this.#channel, {
      heard: (word) => this.#heard(word),
      began: () => this.#watchers.publish(EVERYTHING),
    })
  }

  #heard(word: string): void {
    this.#watchers.publish(hintOf(word))
  }
}
