/** Tells those who watch that something changed. */
import type { Hint } from '../port.ts'

export class Hints {
  readonly #watchers = new Set<Watcher>()

  publish(hint: Hint): void {
    if (!hint.ready && !hint.settled && !hint.cancel) return
    for (const watcher of this.#watchers) watcher.hear(hint)
  }

  watch(): AsyncIterableIterator<Hint> {
    const watcher = new Watcher((gone) => this.#watchers.delete(gone))
    this.#watchers.add(watcher)
    return watcher
  }

  /** Ends all that watch. */
  close(): void {
    for (const watcher of this.#watchers) watcher.end()
  }
}

type Ask = (answer: IteratorResult<Hint, undefined>) => void

/** One reader. What it did not read yet is merged. */
class Watcher implements AsyncIterableIterator<Hint> {
  readonly #left: (watcher: Watcher) => void
  #unread: Hint | null = { ready: true, settled: true, cancel: true }
  #ended = false
  readonly #asked: Ask[] = []

  constructor(left: (watcher: Watcher) => void) {
    this.#left = left
  }

  hear(hint: Hint): void {
    const unread = this.#unread
    this.#unread = {
      ready: hint.ready || unread?.ready === true,
      settled: hint.settled || unread?.settled === true,
      cancel: hint.cancel || unread?.cancel === true,
    }
    const ask = this.#asked.shift()
    if (ask !== undefined) this.#answer(ask)
  }

  end(): void {
    this.#ended = true
    this.#left(this)
    for (const ask of this.#asked.splice(0)) this.#answer(ask)
  }

  next(): Promise<IteratorResult<Hint, undefined>> {
    return new Promise((resolve) => {
      if (this.#ended || this.#unread !== null) this.#answer(resolve)
      else this.#asked.push(resolve)
    })
  }

  async return(): Promise<IteratorResult<Hint, undefined>> {
    this.end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Hint> {
    return this
  }

  #answer(ask: Ask): void {
    const hint = this.#unread
    this.#unread = null
    if (this.#ended || hint === null) ask({ done: true, value: undefined })
    else ask({ done: false, value: hint })
  }
}
