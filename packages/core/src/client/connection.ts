/** A client's line to its store: opened once, when first needed; closed once. */
import { ClosedError } from '../task/errors.ts'
import { repeating } from './repeat.ts'
import type { Logger } from '../task/logger.ts'
import type { Platform } from '../platform/platform.ts'
import type { Hint, Store } from '../store/port.ts'

export class Connection {
  readonly store: Store
  readonly platform: Platform
  readonly logger: Logger
  readonly #listeners = new Set<(hint: Hint) => void>()
  #opened: Promise<void> | undefined
  #watching: Promise<void> | undefined
  #closed = false

  constructor(parts: { readonly store: Store; readonly platform: Platform; readonly logger: Logger }) {
    this.store = parts.store
    this.platform = parts.platform
    this.logger = parts.logger
  }

  /** Opens the store, if nobody has yet. After a failure the next call tries again. */
  open(): Promise<void> {
    this.#opened ??= this.store.open().catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  /**
   * One operation of the store, repeated while it is certain or possible that it had no effect.
   *
   * @throws ClosedError, StoreError, AmbiguousError
   */
  async call<T>(operation: (store: Store, again: boolean) => Promise<T>): Promise<T> {
    if (this.#closed) throw new ClosedError()
    await this.open()
    return repeating(this.platform, (again) => operation(this.store, again))
  }

  /** Hears the store's hints until the answer is called. */
  listen(listener: (hint: Hint) => void): () => void {
    this.#listeners.add(listener)
    this.#watching ??= this.#watch()
    return () => this.#listeners.delete(listener)
  }

  /** @param drained what to wait for before the store goes */
  async close(drained: () => Promise<void>): Promise<void> {
    if (this.#closed) return
    await drained()
    this.#closed = true
    if (this.#opened === undefined) return
    await this.#opened
    await this.store.close()
    await this.#watching
  }

  /** Hints are never needed for correctness: if they end, polling goes on. */
  async #watch(): Promise<void> {
    try {
      await this.open()
      for await (const hint of this.store.watch()) for (const listener of this.#listeners) listener(hint)
    } catch (error) {
      this.logger.warn({ error }, 'the store gives no more hints; changes are found by polling')
    }
  }
}
