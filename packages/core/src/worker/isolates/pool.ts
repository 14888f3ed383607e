/** Isolates of one kind and the same limits: started when first needed, used again and again, and ended in time. */
import type { Timer } from '../../platform/platform.ts'
import type { Run } from '../run.ts'
import { Isolate, type IsolatePlan, type IsolateServices } from './isolate.ts'

export interface PoolOptions {
  readonly plan: IsolatePlan
  readonly isolatesMax: number
  /** After so many runs an isolate is followed by another one. */
  readonly runsMax: number
  /** What has nothing to do for so long is ended. */
  readonly idleMs: number
}

export interface PoolServices extends IsolateServices {
  /** An isolate could not be started, or not be opened. */
  failed(error: unknown): void
}

/** An isolate with so much of its memory taken is not used again. */
const HEAP_SHARE_MAX = 0.7

/** Who finds no isolate in this time goes back to the store: it counts towards nobody's time limit. */
const WAIT_MS = 3_000

/** After a failure none is started for so long, and twice as long after the next one. */
const BACKOFF_MS = 1_000
const BACKOFF_MAX_MS = 30_000

interface Waiter {
  readonly serve: (isolate: Isolate | undefined) => void
}

export class IsolatePool {
  readonly #options: PoolOptions
  readonly #services: PoolServices
  /** All that are not gone. */
  readonly #isolates = new Set<Isolate>()
  readonly #idle = new Map<Isolate, Timer>()
  readonly #opening = new Set<Isolate>()
  readonly #types = new WeakMap<Isolate, ReadonlySet<string>>()
  #waiters: readonly Waiter[] = []
  #failures = 0
  #blockedUntilMs = 0
  #closed = false

  constructor(options: PoolOptions, services: PoolServices) {
    this.#options = options
    this.#services = services
  }

  /** An isolate for the run; `undefined` if there was none in time, or the run was aborted meanwhile. */
  take(run: Run): Promise<Isolate | undefined> {
    const [idle] = this.#idle.keys()
    if (idle !== undefined && !this.#closed) {
      this.#idle.get(idle)!.cancel()
      this.#idle.delete(idle)
      return Promise.resolve(idle)
    }
    return new Promise((resolve) => {
      const serve = (isolate: Isolate | undefined): void => {
        timer.cancel()
        run.signal.removeEventListener('abort', giveUp)
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        resolve(isolate)
      }
      const giveUp = (): void => serve(undefined)
      const waiter: Waiter = { serve }
      const timer = this.#services.connection.platform.setTimer(WAIT_MS, giveUp, 'idle')
      run.signal.addEventListener('abort', giveUp)
      this.#waiters = [...this.#waiters, waiter]
      this.#startForWaiters()
    })
  }

  /** Whether an isolate can run tasks of a type. */
  knows(isolate: Isolate, type: string): boolean {
    return this.#types.get(isolate)?.has(type) === true
  }

  /** A run is over. */
  give(isolate: Isolate): void {
    const { runsMax, idleMs } = this.#options
    if (isolate.ends) return
    if (this.#closed || isolate.runs >= runsMax || isolate.heapShare > HEAP_SHARE_MAX) {
      void isolate.leave()
      return
    }
    const [waiter] = this.#waiters
    if (waiter !== undefined) return waiter.serve(isolate)
    const end = (): void => {
      this.#idle.delete(isolate)
      void isolate.leave()
    }
    this.#idle.set(isolate, this.#services.connection.platform.setTimer(idleMs, end, 'idle'))
  }

  /** Ends all of them; resolves when they are gone. */
  async close(): Promise<void> {
    this.#closed = true
    for (const waiter of this.#waiters) waiter.serve(undefined)
    for (const timer of this.#idle.values()) timer.cancel()
    const leaving = [...this.#isolates].map((isolate) => {
      if (this.#idle.has(isolate)) return isolate.leave()
      isolate.kill()
      return isolate.gone.then(() => undefined)
    })
    await Promise.all(leaving)
  }

  #startForWaiters(): void {
    const { isolatesMax } = this.#options
    const nowMs = this.#services.connection.platform.monotonicMs()
    while (
      !this.#closed &&
      nowMs >= this.#blockedUntilMs &&
      this.#opening.size < this.#waiters.length &&
      this.#isolates.size < isolatesMax
    )
      this.#start()
  }

  #start(): void {
    const isolate = new Isolate(this.#options.plan, this.#services)
    this.#isolates.add(isolate)
    this.#opening.add(isolate)
    void isolate.gone.then(() => {
      this.#isolates.delete(isolate)
      this.#idle.get(isolate)?.cancel()
      this.#idle.delete(isolate)
      this.#startForWaiters()
    })
    isolate.ready.then(
      (types) => {
        this.#opening.delete(isolate)
        this.#types.set(isolate, types)
        this.#failures = 0
        this.give(isolate)
      },
      (error: unknown) => {
        this.#opening.delete(isolate)
        isolate.kill()
        if (!this.#closed) this.#failed(error)
      },
    )
  }

  #failed(error: unknown): void {
    const backoffMs = Math.min(BACKOFF_MS * 2 ** this.#failures, BACKOFF_MAX_MS)
    // several that were started together fail together
    const nowMs = this.#services.connection.platform.monotonicMs()
    if (nowMs < this.#blockedUntilMs) return
    this.#failures += 1
    this.#blockedUntilMs = nowMs + backoffMs
    this.#services.failed(error)
  }
}
