/**
 * A clock that only moves when it is told to, and its timers. Between two moments everything in motion comes
 * to rest, so that a run depends on its seed and on nothing else.
 */
import { nextTurn } from '../platform/turn.ts'
import type { Platform, Timer } from '../platform/platform.ts'
import type { SeededRandom } from './random.ts'

interface Due {
  readonly at: number
  readonly seq: number
  readonly run: () => void
  cancelled: boolean
}

/** Time that passes only when all that runs is waiting: it then leaps to the next timer. */
export class VirtualTime {
  readonly #random: SeededRandom
  readonly #dues: Due[] = []
  readonly #startedAt: number
  #now = 0
  #seq = 0

  /** @param startedAt the wall clock's time at the beginning, in milliseconds since 1970 */
  constructor(random: SeededRandom, startedAt: number = 1_700_000_000_000) {
    this.#random = random
    this.#startedAt = startedAt
  }

  /** Milliseconds since the beginning. */
  get nowMs(): number {
    return this.#now
  }

  /** When the next thing happens, in milliseconds since the beginning; `undefined`: nothing is to. */
  get nextMs(): number | undefined {
    while (this.#dues.at(-1)?.cancelled === true) this.#dues.pop()
    return this.#dues.at(-1)?.at
  }

  /** One process's doors to this time. Its wall clock may be off by so much. */
  platform(wallOffsetMs: number = 0): Platform {
    return {
      wallMs: () => Math.floor(this.#startedAt + this.#now + wallOffsetMs),
      monotonicMs: () => this.#now,
      random32: () => this.#random.bits(),
      setTimer: (delayMs, run) => this.at(this.#now + Math.max(0, delayMs), run),
      threads: 'none',
      soon: (run) => void this.at(this.#now, run),
    }
  }

  at(at: number, run: () => void): Timer {
    const due: Due = { at, seq: this.#seq++, run, cancelled: false }
    // kept sorted from last to first, so that the next one is at the end
    let index = this.#dues.length
    while (index > 0 && isSooner(this.#dues[index - 1]!, due)) index -= 1
    this.#dues.splice(index, 0, due)
    return {
      cancel: () => {
        due.cancelled = true
      },
    }
  }

  /** Lets so much time pass. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.#runUntil(() => (this.#dues.at(-1)?.at ?? Infinity) > end)
    this.#now = end
    await nextTurn()
  }

  /**
   * Lets time pass until something is so.
   *
   * @returns whether it came to be before `limitMs` had passed
   */
  async until(isSo: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#now + limitMs
    await this.#runUntil(() => isSo() || (this.#dues.at(-1)?.at ?? Infinity) > end)
    return isSo()
  }

  /** Lets time pass until the next thing happens, or until `end` if nothing does before, and everything in motion come to rest. */
  async step(end: number): Promise<void> {
    await nextTurn()
    this.next(end)
    await nextTurn()
  }

  /** Lets time pass until the next thing happens, or until `end` if nothing does before, and waits for nothing. */
  next(end: number): void {
    const due = this.#dues.at(-1)
    if (due === undefined || due.at > end) this.#now = Math.max(this.#now, end)
    else this.#fire()
  }

  #fire(): void {
    const due = this.#dues.pop()!
    if (due.cancelled) return
    this.#now = Math.max(this.#now, due.at)
    due.run()
  }

  async #runUntil(over: () => boolean): Promise<void> {
    await nextTurn()
    while (!over()) {
      const due = this.#dues.pop()
      if (due === undefined) return
      if (due.cancelled) continue
      this.#now = Math.max(this.#now, due.at)
      due.run()
      await nextTurn()
    }
  }
}

function isSooner(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.seq < b.seq)
}
