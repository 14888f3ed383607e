/**
 * Readers that go on until somebody has read enough: each looks when the store hints that something ended, and now and
 * then in any case, but never all the time. What nobody asks for is not looked for.
 */
import { ClosedError } from '../task/errors.ts'
import type { Connection } from './connection.ts'

const REST_MS = 50
const REST_LONGEST_MS = 1_000

/** Looking takes up a tenth of the time at most: where much happens a look is many pages. */
const REST_PER_LOOK = 9
/** But it may have waited for a store that was down. */
const REST_FOR_LOOK_MAX_MS = 2_000

/** The readers of a client, which end with it. */
export class Readers {
  readonly #connection: Connection
  readonly #readers = new Set<Reader>()
  #closed = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * @param restMs two of its looks are so far apart at least, whatever the store hints
   * @throws ClosedError; what the signal was aborted with
   */
  open(signal?: AbortSignal, restMs: number = REST_MS): Reader {
    if (this.#closed) throw new ClosedError()
    signal?.throwIfAborted()
    const left = (): void => void this.#readers.delete(reader)
    const reader = new Reader({ connection: this.#connection, signal, leastMs: restMs, left })
    this.#readers.add(reader)
    return reader
  }

  close(): void {
    this.#closed = true
    for (const reader of this.#readers) reader.end()
  }
}

interface ReaderParts {
  readonly connection: Connection
  readonly signal: AbortSignal | undefined
  readonly leastMs: number
  readonly left: () => void
}

export class Reader implements Disposable {
  readonly #parts: ReaderParts
  readonly #unlisten: () => void
  #restMs: number
  /** How long the last look took. */
  #lookMs = 0
  #heard = false
  #ended = false
  #wake: (() => void) | undefined

  constructor(parts: ReaderParts) {
    this.#parts = parts
    this.#restMs = parts.leastMs
    this.#unlisten = parts.connection.listen((hint) => {
      if (!hint.settled) return
      this.#heard = true
      this.#wake?.()
    })
    parts.signal?.addEventListener('abort', this.end, { once: true })
  }

  get ended(): boolean {
    return this.#ended
  }

  /** What a look answers. The store is waited for as by any other call. @throws StoreError */
  async look<T>(look: () => Promise<T>): Promise<T> {
    this.#heard = false
    const { connection } = this.#parts
    const fromMs = connection.platform.monotonicMs()
    const found = await connection.operation(look)
    this.#lookMs = connection.platform.monotonicMs() - fromMs
    return found
  }

  /**
   * Resolves when it is time for the next look, or when there is none any more (see `ended`).
   *
   * @param news whether the last look found anything: then the next one comes soon
   */
  async rest(news: boolean): Promise<void> {
    const forLookMs = Math.min(REST_PER_LOOK * this.#lookMs, REST_FOR_LOOK_MAX_MS)
    const leastMs = Math.max(this.#parts.leastMs, forLookMs)
    this.#restMs = news ? leastMs : Math.max(Math.min(this.#restMs * 2, REST_LONGEST_MS), leastMs)
    await this.#pause(leastMs)
    if (!this.#heard && this.#restMs > leastMs) await this.#pause(this.#restMs - leastMs, 'or a hint')
  }

  /** It looks no more, and who waits for its next look waits no more. */
  readonly end = (): void => {
    this.#ended = true
    this.#wake?.()
  };

  [Symbol.dispose](): void {
    this.#ended = true
    this.#unlisten()
    this.#parts.signal?.removeEventListener('abort', this.end)
    this.#parts.left()
  }

  async #pause(ms: number, orHint?: 'or a hint'): Promise<void> {
    if (this.#ended) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#parts.connection.platform.setTimer(ms, resolve, 'holds')
    this.#wake = () => {
      if (this.#ended || orHint !== undefined) resolve()
    }
    await promise
    timer.cancel()
    this.#wake = undefined
  }
}
