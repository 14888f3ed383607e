/** Keeps one worker process running over changes of its code: the old one drains, then the new one starts. */
import type { Charge, ChargeEvents, Ending } from '../supervision/supervisor.ts'
import { EXIT } from '../exits.ts'

/** A process that does not end although it was to has so long: more than its drain and its hurry take. */
const KILL_AFTER_MS = 15_000

export interface ReloaderParts {
  /** Starts a worker process. Its events come later, never within this call. */
  start(events: ChargeEvents): Charge
  /** It has ended by itself: nothing runs until something changes. */
  ended(ending: Ending): void
  /** Calls `run` after so long, unless the answer is called before. */
  later(delayMs: number, run: () => void): () => void
}

export class Reloader {
  readonly #parts: ReloaderParts
  readonly #over = Promise.withResolvers<number>()
  #charge: Charge | undefined
  #isReady = false
  #isToEnd: 'no' | 'drain' | 'hurry' = 'no'
  #isOutdated = false
  #cancelKill: (() => void) | undefined

  constructor(parts: ReloaderParts) {
    this.#parts = parts
  }

  /** Resolves when it was asked to end, and the process is gone, with the code to end with. */
  run(): Promise<number> {
    this.#start()
    return this.#over.promise
  }

  /** What the process was started with is not what there is any more. */
  changed(): void {
    if (this.#isToEnd !== 'no' || this.#isOutdated) return
    if (this.#charge === undefined) return this.#start()
    this.#isOutdated = true
    this.#end('stop')
  }

  /** Asked to end: at first the process drains, then it hurries. */
  asked(): void {
    this.#isToEnd = this.#isToEnd === 'no' ? 'drain' : 'hurry'
    if (this.#charge === undefined) return this.#over.resolve(EXIT.done)
    this.#end(this.#isToEnd === 'drain' ? 'stop' : 'hurry')
  }

  #start(): void {
    this.#isOutdated = false
    this.#isReady = false
    this.#charge = this.#parts.start({
      ready: () => (this.#isReady = true),
      stopped: () => undefined,
      ended: (ending) => this.#ended(ending),
    })
  }

  /** One that has not begun has nothing to lose. */
  #end(order: 'stop' | 'hurry'): void {
    if (!this.#isReady) return this.#charge?.kill()
    this.#charge?.tell(order)
    this.#cancelKill ??= this.#parts.later(KILL_AFTER_MS, () => this.#charge?.kill())
  }

  #ended(ending: Ending): void {
    this.#charge = undefined
    this.#cancelKill?.()
    this.#cancelKill = undefined
    if (this.#isToEnd !== 'no') return this.#over.resolve(EXIT.done)
    if (this.#isOutdated) return this.#start()
    this.#parts.ended(ending)
  }
}
