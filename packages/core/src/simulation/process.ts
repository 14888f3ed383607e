/**
 * A simulated process: its own doors to time, and a line to the shared store on which calls are late, lost before or
 * after they were carried out, carried out twice, or long after their caller gave them up. Killed, it never acts
 * again; paused, it stands still while time goes on, and does then all at once what it missed.
 */
import { StoreError } from '../task/errors.ts'
import type { Hint, Store } from '../store/port.ts'
import type { Platform } from '../platform/platform.ts'
import type { SeededRandom } from './random.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What goes wrong between a process and its store; shares are from 0 to 1. */
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
  /** Share of calls whose caller is told that they were lost, and that arrive all the same. Default 0. */
  readonly late?: number | undefined
  /** How much later, at most. Default 0. */
  readonly lateMs?: number | undefined
  /** Share of ways that take up to `slowMs` instead, so that what was sent later overtakes them. Default 0. */
  readonly slow?: number | undefined
  readonly slowMs?: number | undefined
}

/** A network that delivers everything at once. */
export const NO_FAULTS: Faults = { delayMs: 0, lostCalls: 0, lostAnswers: 0, repeated: 0, lostHints: 0 }

/** A process that can be killed and paused, and what production code runs on in it. */
export interface SimulatedProcess {
  readonly platform: Platform
  readonly store: Store
  /** Ends it without a word, like kill -9. What it has sent arrives. */
  kill(): void
  /** Stands still, like SIGSTOP. */
  pause(): void
  resume(): void
  /** Moves its wall clock. */
  shiftWall(ms: number): void
}

/** What a simulated process is made of. */
export interface ProcessParts {
  readonly time: VirtualTime
  readonly random: SeededRandom
  readonly store: Store
  /** Asked at each call, so that faults can end. */
  readonly faults: () => Faults
  readonly wallOffsetMs?: number | undefined
}

/** A process on virtual time, with a clock of its own and a line to the store that has faults. */
export function simulateProcess(parts: ProcessParts): SimulatedProcess {
  const life = new Life(parts.time)
  const own = parts.time.platform(parts.wallOffsetMs)
  let jumpMs = 0
  const platform: Platform = {
    ...own,
    wallMs: () => own.wallMs() + jumpMs,
    setTimer: (delayMs, run, hold) => {
      // one that is cancelled while the process stands still must not go off when it goes on
      let cancelled = false
      const timer = own.setTimer(delayMs, () => life.act(() => cancelled || run()), hold)
      return {
        cancel: () => {
          cancelled = true
          timer.cancel()
        },
      }
    },
    soon: (run) => own.soon(() => life.act(run)),
  }
  return {
    platform,
    store: faultyStore(parts, life),
    kill: () => life.end(),
    pause: () => life.pause(),
    resume: () => life.resume(),
    shiftWall: (ms) => void (jumpMs += ms),
  }
}

/** Whether a process acts: now, later, or never again. */
class Life {
  #state: 'acts' | 'stands still' | 'is dead' = 'acts'
  #missed: (() => void)[] = []
  readonly #time: VirtualTime

  constructor(time: VirtualTime) {
    this.#time = time
  }

  get isDead(): boolean {
    return this.#state === 'is dead'
  }

  act(run: () => void): void {
    if (this.#state === 'acts') run()
    else if (this.#state === 'stands still') this.#missed.push(run)
  }

  pause(): void {
    if (this.#state === 'acts') this.#state = 'stands still'
  }

  resume(): void {
    if (this.#state !== 'stands still') return
    this.#state = 'acts'
    for (const run of this.#missed.splice(0)) this.#time.at(this.#time.nowMs, () => this.act(run))
  }

  end(): void {
    this.#state = 'is dead'
    this.#missed = []
  }
}

function faultyStore(parts: ProcessParts, life: Life): Store {
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
  readonly #life: Life

  constructor(parts: ProcessParts, life: Life) {
    this.#parts = parts
    this.#life = life
  }

  /** A call goes its way whatever becomes of its caller; the answer waits for a caller that stands still. */
  call(operation: () => Promise<unknown>): Promise<unknown> {
    const { random } = this.#parts
    const faults = this.#parts.faults()
    if (this.#life.isDead) return new Promise<never>(() => undefined)
    return new Promise((resolve, reject) => {
      const answer = (what: () => void): void => this.#travel(this.#way(faults), () => this.#life.act(what))
      if (random.chance(faults.lostCalls)) return answer(() => reject(lost('call')))
      const { late = 0, lateMs = 0 } = faults
      if (late > 0 && random.chance(late)) {
        this.#travel(lateMs, () => void operation().catch(() => undefined)) // nobody waits for it
        return answer(() => reject(lost('call')))
      }
      this.#travel(this.#way(faults), () => {
        // the second one is answered
        if (random.chance(faults.repeated)) void operation().catch(() => undefined)
        const isLost = random.chance(faults.lostAnswers)
        operation().then(
          (value) => answer(() => (isLost ? reject(lost('answer')) : resolve(value))),
          (error: unknown) => answer(() => reject(error as Error)),
        )
      })
    })
  }

  async *hints(hints: AsyncIterableIterator<Hint>): AsyncIterableIterator<Hint> {
    for await (const hint of hints) {
      const faults = this.#parts.faults()
      await new Promise<void>((resolve) => this.#travel(faults.delayMs, () => this.#life.act(resolve)))
      if (!this.#parts.random.chance(faults.lostHints)) yield hint
    }
  }

  /** How long a way takes at most. */
  #way({ delayMs, slow = 0, slowMs = 0 }: Faults): number {
    return slow > 0 && this.#parts.random.chance(slow) ? slowMs : delayMs
  }

  #travel(longestMs: number, arrive: () => void): void {
    const { time, random } = this.#parts
    if (longestMs > 0) time.at(time.nowMs + random.between(0, longestMs), arrive)
    else arrive()
  }
}

function lost(what: string): StoreError {
  return new StoreError('store-unavailable', `The ${what} was lost on the way.`, { effect: 'unknown' })
}
