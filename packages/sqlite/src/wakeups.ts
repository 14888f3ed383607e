/**
 * Notices what other processes write. The system says when the write-ahead log changes, which is before the
 * change can be seen, so a look is repeated until it can; a slow poll is the net below. While this process
 * is busy itself it looks with each of its transactions, and the system need not say anything.
 */
import { watch, type FSWatcher } from 'node:fs'

/** How long after the last call of ours the system is asked again: a burst of calls must not pay for it. */
const QUIET_MS = 2
const POLL_MS = 250
/** How often a look is repeated, a millisecond apart: as long as a slow disk takes to sync. */
const LOOKS_MAX = 20
/** How long nobody looks after something was seen. */
const REST_MS = 2

export class Wakeups {
  readonly #wal: string
  readonly #look: () => boolean
  #watching = false
  #busy = false
  #watcher: FSWatcher | undefined
  #quiet: NodeJS.Timeout | undefined
  #poll: NodeJS.Timeout | undefined
  #looks = 0
  #looking = false

  /** @param look tells whether others have written since the last look, and whoever wants to know */
  constructor(path: string, look: () => boolean) {
    this.#wal = `${path}-wal`
    this.#look = look
  }

  /** Somebody listens, or nobody does any more. */
  watch(on: boolean): void {
    this.#watching = on
    clearInterval(this.#poll)
    this.#poll = on ? setInterval(() => void this.#look(), POLL_MS) : undefined
    this.quiet()
  }

  /** A call begins: there is no time now to look for anything else. */
  busy(): void {
    clearTimeout(this.#quiet)
    this.#busy = true
    this.#looks = 0
  }

  /** No call is under way. What the system has to say of our own is not listened to. */
  quiet(): void {
    clearTimeout(this.#quiet)
    this.#busy = false
    this.#watcher?.close()
    this.#watcher = undefined
    if (this.#watching) this.#quiet = setTimeout(() => this.#arm(), QUIET_MS)
  }

  close(): void {
    this.watch(false)
  }

  #arm(): void {
    try {
      this.#watcher = watch(this.#wal, () => this.#lookUntilSeen())
      // the poll goes on without it
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch {
      this.#watcher = undefined
    }
    // something may have been written since our last call
    this.#look()
  }

  #lookUntilSeen(): void {
    if (this.#busy) return
    this.#looks = LOOKS_MAX
    if (this.#looking) return
    this.#looking = true
    setImmediate(() => this.#lookAgain())
  }

  #lookAgain(): void {
    if (this.#look()) {
      // whoever writes without a pause is looked after now and then
      this.#looks = 0
      setTimeout(() => this.#rest(), REST_MS)
    } else if (this.#looks === 0) {
      this.#looking = false
    } else {
      this.#looks -= 1
      setTimeout(() => this.#lookAgain(), 1)
    }
  }

  #rest(): void {
    this.#looking = false
    if (this.#looks > 0) this.#lookUntilSeen()
  }
}
