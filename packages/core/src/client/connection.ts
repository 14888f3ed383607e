/** A client's line to its store: opened once, when first needed; closed once. */
import { ClosedError, codeOf, type AmbiguousError, type StoreError } from '../task/errors.ts'
import { HeartHost } from '../heart/host.ts'
import { Breaker } from './breaker.ts'
import { Operations } from './operations.ts'
import { answeredBy, isOutage, pause, repeating, type Bound } from './repeat.ts'
import type { Logger } from '../task/logger.ts'
import type { Platform, Timer } from '../platform/platform.ts'
import type { GroupAnswer, Hint, Store, TaskGroup } from '../store/port.ts'

/** How long a worker waits for the store before it says so, and tries again. */
export const WORKER_PATIENCE_MS = 30_000

/** Nothing but failures for this part of a call's time, and the store counts as down. */
const OPEN_AFTER = 1 / 3

/**
 * How a call bears a store that is down. Producers fail fast: refused at once while it is known to be down, and given
 * an answer in their time. Workers insist: what they have done must be written, whenever that is.
 */
export type Manner = 'fails fast' | 'insists'

/** How long a client that closes waits for a store that is still being opened. */
const CLOSE_OPENING_MS = 500

/** When hints ended, the store is asked for new ones after so long. */
const WATCH_AGAIN_MS = 5_000

/** Hints go on for so long when nobody listens: who waits for one result after the other need not begin anew. */
const WATCH_ON_MS = 1_000

export interface ConnectionParts {
  readonly store: Store
  readonly platform: Platform
  readonly logger: Logger
  /** How long a producer's call waits for the store. */
  readonly storeTimeoutMs: number
}

export class Connection {
  readonly store: Store
  readonly platform: Platform
  readonly logger: Logger
  /** Where the hearts of its workers live that are not on this thread. */
  readonly hearts: HeartHost
  readonly #storeTimeoutMs: number
  readonly #listeners = new Set<(hint: Hint) => void>()
  readonly #workers = new Set<(groups: readonly TaskGroup[]) => void>()
  #opened: Promise<void> | undefined
  #isOpen = false
  readonly #operations = new Operations()
  #watching = false
  #hints: AsyncIterableIterator<Hint> | undefined
  #unwatching: Timer | undefined
  #closed = false
  readonly #breaker: Breaker
  readonly #refused = new Set<(why: StoreError) => void>()

  constructor(parts: ConnectionParts) {
    this.store = parts.store
    this.platform = parts.platform
    this.logger = parts.logger
    this.hearts = new HeartHost(parts.store, parts.platform)
    this.#storeTimeoutMs = parts.storeTimeoutMs
    this.#breaker = new Breaker({
      platform: parts.platform,
      openAfterMs: parts.storeTimeoutMs * OPEN_AFTER,
      probe: () => this.#look(),
      opened: () => this.#refuseAll(),
      closed: () => this.logger.info('the store is back: calls go through'),
    })
  }

  /**
   * Opens the store, if nobody has yet. After a failure the next call tries again.
   *
   * @throws ClosedError, StoreError
   */
  open(): Promise<void> {
    return this.#openBy(this.#endMs('fails fast'))
  }

  /** Whether the store counts as down: nothing but failures came from it for a while. */
  get isDown(): boolean {
    return this.#breaker.isOpen
  }

  /** How long a call of this kind waits for the store. */
  patienceMs(manner: Manner): number {
    return manner === 'insists' ? WORKER_PATIENCE_MS : this.#storeTimeoutMs
  }

  /** @throws StoreError while the store is down: what would be sent now would be refused */
  admit(): void {
    this.#breaker.admit()
  }

  /** Hears when the store goes down, and what is to be told to those who wait for it. */
  listenToRefusals(refuse: (why: StoreError) => void): void {
    this.#refused.add(refuse)
  }

  /**
   * What the user asked for, however many calls of the store it takes: the store is closed after it.
   *
   * @throws ClosedError once the client is closing
   */
  async operation<T>(run: () => Promise<T>): Promise<T> {
    this.#operations.begin()
    try {
      return await run()
    } finally {
      this.#operations.end()
    }
  }

  /** Takes no operations of the user any more, and resolves when those under way have ended. The line itself goes on. */
  endOperations(): Promise<void> {
    return this.#operations.close()
  }

  /**
   * One call of the store, repeated while it is certain or possible that it had no effect. An open store
   * is called at once.
   *
   * @throws ClosedError, StoreError, AmbiguousError
   */
  async call<T>(
    operation: (store: Store, again: boolean) => Promise<T>,
    manner: Manner = 'fails fast',
  ): Promise<T> {
    const fast = manner === 'fails fast'
    if (fast) this.#breaker.admit()
    const endMs = this.#endMs(manner)
    if (!this.#isOpen || this.#closed) await this.#openBy(endMs)
    const isHopeless = (): boolean => fast && this.#breaker.isOpen
    const call = (again: boolean): Promise<T> =>
      this.#observed(() => operation(this.store, again), { endMs, effect: 'unknown' })
    return repeating(this.platform, call, { endMs, isHopeless })
  }

  /**
   * One look at the store: without an effect nothing can be in doubt.
   *
   * @throws ClosedError, StoreError
   */
  async read<T>(look: (store: Store) => Promise<T>, manner?: Manner): Promise<T> {
    try {
      return await this.call(look, manner)
    } catch (error) {
      throw codeOf(error) === 'ambiguous' ? (error as AmbiguousError).cause : error
    }
  }

  /** Hears the store's hints until the answer is called. */
  listen(listener: (hint: Hint) => void): () => void {
    this.#listeners.add(listener)
    this.#unwatching?.cancel()
    if (!this.#watching) void this.#watch()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#unwatchSoon()
    }
  }

  /**
   * Adds groups, and tells this process's workers at the moment when asking for them makes sense, without the
   * detour of a hint: right behind the call where the store keeps the order of calls, else after the answer.
   *
   * @param before whether any of them may have been added by an earlier call
   * @throws ClosedError, StoreError, AmbiguousError
   */
  async add(groups: readonly TaskGroup[], before: boolean, manner: Manner): Promise<readonly GroupAnswer[]> {
    const answer = this.call((store, again) => store.add({ groups, again: before || again }), manner)
    if (this.store.calls === 'in order') this.#tellWorkers(groups)
    else
      answer.then(
        () => this.#tellWorkers(groups),
        () => undefined, // the caller is told
      )
    return answer
  }

  /** Hears what this process adds, until the answer is called. */
  listenToAdds(worker: (groups: readonly TaskGroup[]) => void): () => void {
    this.#workers.add(worker)
    return () => this.#workers.delete(worker)
  }

  /** Nothing is called after this; what is under way is the caller's to wait for. */
  async close(): Promise<void> {
    this.#closed = true
    this.#breaker.close()
    this.#unwatching?.cancel()
    if (this.#isOpen) return this.store.close()
    if (this.#opened === undefined) return
    // nobody waits for it any more: one that takes long is closed when it is there
    const opened = this.#opened.then(
      () => this.store.close(),
      () => undefined, // what could not be opened needs no closing
    )
    opened.catch((error: unknown) => this.logger.warn({ err: error }, 'the store could not be closed'))
    await Promise.race([opened, pause(this.platform, CLOSE_OPENING_MS)])
  }

  /** That it was opened some time ago says nothing of the store. */
  async #openBy(endMs: number): Promise<void> {
    if (this.#isOpen && !this.#closed) return
    await this.#observed(() => this.#open(), { endMs, effect: 'none' })
  }

  /** Whoever does not want to wait for it any longer leaves it to the others. */
  #open(): Promise<void> {
    if (this.#closed) return Promise.reject(new ClosedError())
    this.#opened ??= this.store.open().then(
      () => void (this.#isOpen = true),
      (error: unknown) => {
        this.#opened = undefined
        throw error
      },
    )
    return this.#opened
  }

  /** Waits for an answer no longer than it may take, and takes note of whether the store is there. */
  async #observed<T>(call: () => Promise<T>, bound: Bound): Promise<T> {
    const begunAtMs = this.platform.monotonicMs()
    try {
      const answer = await answeredBy(this.platform, call(), bound)
      this.#breaker.answered()
      return answer
    } catch (error) {
      if (isOutage(error)) this.#breaker.failed(error, begunAtMs)
      else this.#breaker.answered()
      throw error
    }
  }

  /** One look at the store, only to see whether it is there. */
  async #look(): Promise<void> {
    const endMs = this.#endMs('fails fast')
    await this.#openBy(endMs)
    await this.#observed(() => this.store.now(), { endMs, effect: 'none' })
  }

  #refuseAll(): void {
    const why = this.#breaker.refusal()
    this.logger.warn({ err: why }, 'the store is away: calls are refused at once until it is back')
    for (const refuse of this.#refused) refuse(why)
  }

  #endMs(manner: Manner): number {
    return this.platform.monotonicMs() + this.patienceMs(manner)
  }

  #tellWorkers(groups: readonly TaskGroup[]): void {
    for (const worker of this.#workers) worker(groups)
  }

  /** A store that is watched may look for changes all the time: not for nobody. */
  #unwatchSoon(): void {
    this.#unwatching?.cancel()
    const unwatch = (): void => {
      const hints = this.#hints
      this.#hints = undefined
      void hints?.return?.().catch(() => undefined) // who does not want to hear needs no error either
    }
    this.#unwatching = this.platform.setTimer(WATCH_ON_MS, unwatch, 'idle')
  }

  /** Hints are never needed for correctness: while there are none, polling goes on. */
  async #watch(): Promise<void> {
    this.#watching = true
    for (let warned = false; !this.#closed && this.#listeners.size > 0;) {
      try {
        await this.open()
        if (this.#listeners.size === 0) break
        const hints = (this.#hints = this.store.watch())
        for await (const hint of hints) for (const listener of this.#listeners) listener(hint)
        if (this.#hints === undefined) continue // nobody listened; somebody may by now
      } catch (error) {
        if (this.#closed) break
        if (!warned)
          this.logger.warn({ err: error }, 'the store gives no hints for now; changes are found by polling')
        warned = true
      }
      if (this.#closed) break
      await new Promise<void>((resolve) => this.platform.setTimer(WATCH_AGAIN_MS, resolve, 'idle'))
    }
    this.#watching = false
  }
}
