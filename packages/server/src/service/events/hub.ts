/** How tasks end, for all who want to hear of it: the store is read once for all of them. */
import { codeOf, type Logger, type Mill, type MillEvent, type Platform } from '@millrace/core'
import { Ring, type RingBounds } from './ring.ts'

/** An event, or something to be told instead. */
export type Heard = MillEvent | { readonly type: 'resync' }

/** What a reader is handed: where it stands now, and what happened. */
export interface HeardItem {
  readonly id: string
  readonly heard: Heard
}

export interface HubParts {
  readonly mill: Mill
  readonly platform: Platform
  readonly logger: Logger
  /** Default 10 000 events of 16 MiB together. */
  readonly bounds?: RingBounds | undefined
}

const BOUNDS: RingBounds = { entries: 10_000, bytes: 16 * 1_048_576 }
/** So long it goes on when the last reader has left: it may come back to go on where it was. */
const LINGER_MS = 60_000
/** After a failure of the store. */
const AGAIN_MS = 1_000
const ID = /^([0-9a-f]{8})-(\d{1,15})$/

export class EventHub {
  readonly #parts: HubParts
  readonly #wakers = new Set<() => void>()
  #ring: Ring<MillEvent>
  /** Names the ring: places in another one mean nothing here. */
  #epoch = ''
  #readers = 0
  #reading: AbortController | undefined
  #closed = false
  #leaving: ReturnType<Platform['setTimer']> | undefined

  constructor(parts: HubParts) {
    this.#parts = parts
    this.#ring = new Ring(parts.bounds ?? BOUNDS)
  }

  /** How many listen. */
  get readers(): number {
    return this.#readers
  }

  /**
   * What happens from now on, or since the event of that id; `resync` if that is not known any more.
   *
   * @param signal ends it
   */
  async *listen(lastId: string | null, signal: AbortSignal): AsyncGenerator<HeardItem, void, undefined> {
    this.#enter()
    try {
      const from = lastId === null ? this.#ring.latest : this.#placeOf(lastId)
      let seq = from ?? this.#ring.latest
      if (from === undefined) yield this.#item(seq, { type: 'resync' })
      while (!signal.aborted && !this.#closed) {
        const { entry, missed } = this.#ring.after(seq)
        if (entry === undefined) {
          await this.#news(signal)
          continue
        }
        if (missed > 0) yield this.#item(entry.seq - 1, { type: 'gap', missed })
        seq = entry.seq
        yield this.#item(seq, entry.value)
      }
    } finally {
      this.#leave()
    }
  }

  /** Ends all readers. */
  close(): void {
    this.#closed = true
    this.#leaving?.cancel()
    this.#reading?.abort()
    this.#wake()
  }

  #item(seq: number, heard: Heard): HeardItem {
    return { id: `${this.#epoch}-${seq}`, heard }
  }

  /** `undefined`: it is of another ring, or was never given. What fell out of this one is counted by the ring. */
  #placeOf(id: string): number | undefined {
    const [, epoch, seq] = ID.exec(id) ?? []
    if (epoch !== this.#epoch) return undefined
    const place = Number(seq)
    return place <= this.#ring.latest ? place : undefined
  }

  #enter(): void {
    this.#readers += 1
    this.#leaving?.cancel()
    this.#leaving = undefined
    if (this.#reading !== undefined) return
    const { platform, bounds = BOUNDS } = this.#parts
    this.#ring = new Ring(bounds)
    this.#epoch = platform.random32().toString(16).padStart(8, '0')
    this.#reading = new AbortController()
    void this.#read(this.#reading.signal)
  }

  #leave(): void {
    this.#readers -= 1
    if (this.#readers > 0) return
    const stop = (): void => {
      this.#reading?.abort()
      this.#reading = undefined
    }
    this.#leaving = this.#parts.platform.setTimer(LINGER_MS, stop, 'idle')
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { mill, platform, logger } = this.#parts
    while (!signal.aborted) {
      try {
        for await (const event of mill.events({ signal })) this.#push(event)
        return // the client is closed
      } catch (error) {
        if (signal.aborted || codeOf(error) === 'closed') return
        logger.warn({ err: error }, 'events cannot be read for now')
        this.#push({ type: 'gap', missed: 1 })
      }
      await new Promise<void>((resolve) => platform.setTimer(AGAIN_MS, resolve, 'idle'))
    }
  }

  #push(event: MillEvent): void {
    this.#ring.push(event, JSON.stringify(event).length)
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#wakers) wake()
  }

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wakers.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#wakers.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }
}
