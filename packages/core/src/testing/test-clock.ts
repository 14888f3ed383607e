/** The clock of a test: it stands until it is moved, and then waits for whatever is in motion. */
import { nextTurn } from '../platform/turn.ts'
import { seededRandom } from '../simulation/random.ts'
import { systemPlatform } from '../platform/system.ts'
import { VirtualTime } from '../simulation/virtual-time.ts'
import type { Platform } from '../platform/platform.ts'

/** A handler that was called and has not come back. */
interface Busy {
  readonly over: Promise<unknown>
  /** Whether the clock does not wait for it any more. */
  parked: boolean
}

export class TestClock {
  readonly platform: Platform
  readonly #time: VirtualTime
  readonly #patienceMs: number
  readonly #busy = new Set<Busy>()
  #soon = 0

  /**
   * @param startedAt in milliseconds since 1970
   * @param patienceMs how much of the real time the clock waits for a handler
   */
  constructor(startedAt: number, patienceMs: number) {
    this.#time = new VirtualTime(seededRandom(1), startedAt)
    this.#patienceMs = patienceMs
    this.platform = {
      ...this.#time.platform(),
      // of its own accord, so that whoever awaits an enqueue need not move the clock
      soon: (run) => void this.#runSoon(run),
    }
  }

  get wallMs(): number {
    return this.platform.wallMs()
  }

  /** Calls a handler: the clock waits for it. */
  async holding(handle: () => unknown): Promise<unknown> {
    const over = (async () => handle())()
    const busy: Busy = { over, parked: false }
    this.#busy.add(busy)
    try {
      return await over
    } finally {
      this.#busy.delete(busy)
    }
  }

  /**
   * Lets so much time pass, or less if something comes to be so before.
   *
   * @returns whether it has
   */
  async pass(ms: number, isSo: () => boolean | Promise<boolean> = () => false): Promise<boolean> {
    const end = this.#time.nowMs + ms
    for (;;) {
      await this.#rest()
      if (await isSo()) return true
      const isLast = (this.#time.nextMs ?? Infinity) > end
      if (isLast && this.#time.nowMs >= end) return false
      this.#time.next(end)
    }
  }

  /** Until everything in motion has come to rest; handlers have so long as the patience lasts. */
  async #rest(): Promise<void> {
    for (;;) {
      await nextTurn()
      if (this.#soon > 0) continue
      const waiting = [...this.#busy].filter(({ parked }) => !parked)
      if (waiting.length === 0) return
      await this.#wait(waiting)
    }
  }

  /** In real time, until one of them has come back. */
  async #wait(waiting: readonly Busy[]): Promise<void> {
    const late = Promise.withResolvers<void>()
    const park = (): void => {
      for (const busy of waiting) busy.parked = true
      late.resolve()
    }
    const timer = systemPlatform.setTimer(this.#patienceMs, park, 'holds')
    await Promise.race([late.promise, ...waiting.map(({ over }) => over.then(ignore, ignore))])
    timer.cancel()
  }

  async #runSoon(run: () => void): Promise<void> {
    this.#soon += 1
    await nextTurn()
    this.#soon -= 1
    run()
  }
}

const ignore = (): void => undefined
