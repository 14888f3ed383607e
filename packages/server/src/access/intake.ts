/**
 * Large bodies and messages of one credential are read so many bytes at a time, in the order in which they begin; the others
 * wait, unread. What is read is garbage soon after, and everybody waits while that is collected: so whoever sends what comes
 * to nothing has to wait before he sends the next. Small ones go by.
 */
import type { Platform } from '@millrace/core'

/** What is no longer than that is read at once. */
export const SMALL_BYTES = 65_536
/** One that is larger is read by itself. */
const BYTES_AT_ONCE = 16_777_216
/** While others wait none may take longer. */
const PATIENCE_MS = 5_000
/** Bytes in a second that may come to nothing. */
const WASTE = 2_097_152
const PENALTY_MAX_MS = 10_000

/** A body or message that is read, or waits for that. */
export interface Pass {
  /** It is there, or never will be: then so many bytes were read for nothing. */
  leave(wasted?: number): void
}

/** What becomes of one: it may be heard before `enter` has answered. */
interface Reading {
  /** Now it may be read. */
  readonly begin: () => void
  /** It takes too long, and is to end. */
  readonly cutOff: () => void
}

interface Entry extends Reading {
  readonly bytes: number
  sinceMs: number
}

interface Account {
  readonly waiting: Set<Entry>
  /** The one that began first stands first. */
  readonly reading: Set<Entry>
  bytes: number
  /** Nothing begins before. */
  notBeforeMs: number
  timer: { cancel(): void } | undefined
}

export class Intake {
  readonly #platform: Platform
  /** Of those who have some, or have wasted some. */
  readonly #accounts = new Map<string, Account>()

  constructor(platform: Platform) {
    this.#platform = platform
  }

  /**
   * Those who wait are as many as there are connections and streams, which is bounded.
   *
   * @param name the credential whose it is
   * @param bytes as many as it may have
   */
  enter(name: string, bytes: number, { begin, cutOff }: Reading): Pass {
    const account = this.#accountOf(name)
    const entry: Entry = { bytes, sinceMs: 0, begin, cutOff }
    account.waiting.add(entry)
    this.#move(name, account)
    return {
      leave: (wasted = 0) => {
        account.waiting.delete(entry)
        release(account, entry)
        this.#left(name, wasted)
      },
    }
  }

  /** Resolves when it may be read. */
  async entered(name: string, bytes: number, cutOff: () => void): Promise<Pass> {
    const begun = Promise.withResolvers<void>()
    const pass = this.enter(name, bytes, { begin: begun.resolve, cutOff })
    await begun.promise
    return pass
  }

  #accountOf(name: string): Account {
    const known = this.#accounts.get(name)
    if (known !== undefined) return known
    const account = {
      waiting: new Set<Entry>(),
      reading: new Set<Entry>(),
      bytes: 0,
      notBeforeMs: 0,
      timer: undefined,
    }
    this.#accounts.set(name, account)
    return account
  }

  #left(name: string, wasted: number): void {
    const account = this.#accountOf(name)
    if (wasted > 0) {
      const nowMs = this.#platform.monotonicMs()
      const afterMs = Math.max(nowMs, account.notBeforeMs) + (wasted * 1_000) / WASTE
      account.notBeforeMs = Math.min(nowMs + PENALTY_MAX_MS, afterMs)
    }
    this.#move(name, account)
  }

  #move(name: string, account: Account): void {
    const nowMs = this.#platform.monotonicMs()
    for (const next of account.waiting) {
      const isFree = account.bytes === 0 || account.bytes + next.bytes <= BYTES_AT_ONCE
      if (!isFree || nowMs < account.notBeforeMs) break
      account.waiting.delete(next)
      account.reading.add(next)
      account.bytes += next.bytes
      next.sinceMs = nowMs
      next.begin()
    }
    this.#rest(name, account, nowMs)
  }

  /** Until something is to be done that nobody asks for. */
  #rest(name: string, account: Account, nowMs: number): void {
    const { waiting, reading, notBeforeMs, timer } = account
    timer?.cancel()
    account.timer = undefined
    const [oldest] = reading
    if (waiting.size === 0 && oldest === undefined && notBeforeMs <= nowMs) {
      this.#accounts.delete(name)
    } else if (notBeforeMs > nowMs) {
      this.#wake(account, notBeforeMs - nowMs, () => this.#move(name, account))
    } else if (waiting.size > 0 && oldest !== undefined) {
      this.#wake(account, oldest.sinceMs + PATIENCE_MS - nowMs, () => {
        release(account, oldest)
        oldest.cutOff()
        this.#move(name, account)
      })
    }
  }

  #wake(account: Account, afterMs: number, work: () => void): void {
    account.timer = this.#platform.setTimer(Math.max(1, Math.ceil(afterMs)), work, 'idle')
  }
}

function release(account: Account, entry: Entry): void {
  if (account.reading.delete(entry)) account.bytes -= entry.bytes
}
