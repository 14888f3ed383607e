/**
 * A simulated process: its own doors to time, and a line to the shared store on which calls are late, lost
 * before or after they were carried out, or carried out twice. Killed, it never acts again.
 */
import { StoreError } from '../task/errors.ts'
import type { Hint, Store } from '../store/port.ts'
import type { Platform } from '../platform/platform.ts'
import type { SeededRandom } from './random.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface Faults {
  /** Longest way of a call or an answer. */
  readonly delayMs: number
  /** Share of calls that never arrive. */
  readonly lostCalls: number
  /** Share of answers that never arrive. */
  readonly lostAnswers: number
  /** Share of calls that are carried out twice. */
  readonly repeated: number
  /** Share of hints that are dropped. */
  readonly lostHints: number
}

export const NO_FAULTS: Faults = { delayMs: 0, lostCalls: 0, lostAnswers: 0, repeated: 0, lostHints: 0 }

export interface SimulatedProcess {
  readonly platform: Platform
  readonly store: Store
  /** Ends it without a word, like kill -9. */
  kill(): void
}

export interface ProcessParts {
  readonly time: VirtualTime
  readonly random: SeededRandom
  readonly store: Store
  /** Asked at each call, so that faults can end. */
  readonly faults: () => Faults
  readonly wallOffsetMs?: number | undefined
}

export function simulateProcess(parts: ProcessParts): SimulatedProcess {
  const life = { dead: false }
  const own = parts.time.platform(parts.wallOffsetMs)
  const platform: Platform = {
    ...own,
    setTimer: (delayMs, run, hold) => own.setTimer(delayMs, () => life.dead || run(), hold),
    soon: (run) => own.soon(() => life.dead || run()),
  }
  return { platform, store: faultyStore(parts, life), kill: () => void (life.dead = true) }
}

function faultyStore(parts: ProcessParts, life: { readonly dead: boolean }): Store {
  const { store } = parts
  const line = new Line(parts, life)
  return new Proxy(store, {
    get(_, name: keyof Store) {
      if (name === 'open' || name === 'close') return () => Promise.resolve() // the store outlives the process
      if (name === 'watch') return () => line.hints(store.watch())
      const member = store[name]
      if (typeof member !== 'function') return member
      return (request: never) =>
        line.call(() => (member as (this: Store, of: never) => Promise<unknown>).call(store, request))
    },
  })
}

class Line {
  readonly #parts: ProcessParts
  readonly #life: { readonly dead: boolean }

  constructor(parts: ProcessParts, life: { readonly dead: boolean }) {
    this.#parts = parts
    this.#life = life
  }

  async call(operation: () => Promise<unknown>): Promise<unknown> {
    const { random } = this.#parts
    const faults = this.#parts.faults()
    await this.#way(faults)
    if (random.chance(faults.lostCalls)) throw lost('call')
    if (random.chance(faults.repeated)) await operation()
    const answer = await operation()
    await this.#way(faults)
    if (random.chance(faults.lostAnswers)) throw lost('answer')
    return answer
  }

  async *hints(hints: AsyncIterableIterator<Hint>): AsyncIterableIterator<Hint> {
    for await (const hint of hints) {
      const faults = this.#parts.faults()
      await this.#way(faults)
      if (!this.#parts.random.chance(faults.lostHints)) yield hint
    }
  }

  /** A dead process waits for ever. */
  async #way({ delayMs }: Faults): Promise<void> {
    const { time, random } = this.#parts
    if (delayMs > 0) {
      const at = time.nowMs + random.between(0, delayMs)
      await new Promise<void>((resolve) => time.at(at, resolve))
    }
    if (this.#life.dead) await new Promise<never>(() => undefined)
  }
}

function lost(what: string): StoreError {
  return new StoreError('store-unavailable', `The ${what} was lost on the way.`, { effect: 'unknown' })
}
