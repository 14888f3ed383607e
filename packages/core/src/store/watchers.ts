/** Those who listen for a store's hints. */
import type { Hint } from './port.ts'

type Ask = (answer: IteratorResult<Hint, undefined>) => void

/** Anything may have changed. */
export const EVERYTHING: Hint = { ready: true, settled: true, cancel: true, schedules: true }

/** Nothing has. */
export const NOTHING: Hint = { ready: false, settled: false, cancel: false, schedules: false }

/** Whether a hint says anything at all. */
export function isNews({ ready, settled, cancel, schedules }: Hint): boolean {
  return ready || settled || cancel || schedules
}

/** One hint that says what two say, for a reader that lags. */
export function mergedHint(one: Hint | null, other: Hint): Hint {
  if (one === null) return other
  return {
    ready: one.ready || other.ready,
    settled: one.settled || other.settled,
    cancel: one.cancel || other.cancel,
    schedules: one.schedules || other.schedules,
  }
}

/** A hint in letters, for those who send it elsewhere. */
export function hintLetters({ ready, settled, cancel, schedules }: Hint): string {
  return `${ready ? 'r' : ''}${settled ? 's' : ''}${cancel ? 'c' : ''}${schedules ? 'p' : ''}`
}

/** The hint that a message of these letters stands for. */
export function hintOf(letters: string): Hint {
  return {
    ready: letters.includes('r'),
    settled: letters.includes('s'),
    cancel: letters.includes('c'),
    schedules: letters.includes('p'),
  }
}

/** All listeners of a store. */
export class Watchers {
  readonly #watchers = new Set<Watcher>()
  readonly #listened: (listened: boolean) => void

  /** @param listened called when the first listener comes, and when the last has left */
  constructor(listened: (listened: boolean) => void = () => undefined) {
    this.#listened = listened
  }

  /** How many there are. */
  get size(): number {
    return this.#watchers.size
  }

  /** Tells all of them, unless there is nothing to tell. */
  publish(hint: Hint): void {
    if (!isNews(hint)) return
    for (const watcher of this.#watchers) watcher.hear(hint)
  }

  /** A new listener; it hears first that everything may have changed. */
  watch(): AsyncIterableIterator<Hint> {
    const watcher = new Watcher((gone) => {
      if (this.#watchers.delete(gone) && this.#watchers.size === 0) this.#listened(false)
    })
    this.#watchers.add(watcher)
    if (this.#watchers.size === 1) this.#listened(true)
    return watcher
  }

  /** Ends all that watch. */
  close(): void {
    for (const watcher of this.#watchers) watcher.end()
  }
}

/** One listener. What it did not read yet is merged. */
class Watcher implements AsyncIterableIterator<Hint> {
  readonly #left: (watcher: Watcher) => void
  #unread: Hint | null = EVERYTHING
  #ended = false
  readonly #asked: Ask[] = []

  constructor(left: (watcher: Watcher) => void) {
    this.#left = left
  }

  hear(hint: Hint): void {
    this.#unread = mergedHint(this.#unread, hint)
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

  return(): Promise<IteratorResult<Hint, undefined>> {
    this.end()
    return Promise.resolve({ done: true, value: undefined })
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
