/**
 * Where the far hearts of a client's workers live, all of them together: on the store's own thread, or on one that is
 * started with the first of them and ends with the last.
 */
import { besideModule } from '../platform/beside.ts'
import { newChannel, startThread, type Port, type Thread } from '../platform/threads.ts'
import type { Platform } from '../platform/platform.ts'
import type { Holding } from './messages.ts'
import type { HostingStore, LeasesModule } from '../store/sessions.ts'
import type { Store } from '../store/port.ts'

/** How long the thread may take to come to its end before it is ended. */
const CLOSE_MS = 1_000

/** @throws InvalidArgumentError if it was left out of a bundle */
export function heartEntry(): URL {
  return besideModule(import.meta.url, 'heart-thread')
}

export class HeartHost {
  readonly #store: Store
  readonly #platform: Platform
  #home: HeartThread | undefined
  #hearts = 0

  constructor(store: Store, platform: Platform) {
    this.#store = store
    this.#platform = platform
  }

  /**
   * A heart moves in by this end of its line, which closes when the thread ends.
   *
   * @throws StoreError if there is no thread now; InvalidArgumentError if its module was left out of a bundle
   */
  lodge(port: Port, place: LeasesModule | 'own-thread'): void {
    if (place === 'own-thread') (this.#store as HostingStore).lodge(port)
    else {
      if (this.#home?.ended !== false) this.#home = new HeartThread(place)
      this.#home.lodge(port)
    }
    this.#hearts += 1
  }

  /** One has moved out. */
  async left(): Promise<void> {
    this.#hearts -= 1
    if (this.#hearts > 0) return
    const home = this.#home
    this.#home = undefined
    await home?.close(this.#platform)
  }

  /** What the thread died of, if that is known. */
  get cause(): unknown {
    return this.#home?.cause
  }
}

class HeartThread {
  readonly #control: Port
  readonly #thread: Thread
  readonly #gone = Promise.withResolvers<void>()
  #holds: Holding = 'nothing'
  ended = false
  cause: unknown

  constructor(place: LeasesModule) {
    const { near, far } = newChannel()
    this.#control = near
    near.on('message', (holds: Holding) => (this.#holds = holds))
    near.unref()
    this.#thread = startThread(heartEntry(), {
      name: 'millrace-heart',
      data: place,
      port: far,
      failed: (error) => (this.cause = error),
      ended: () => {
        this.ended = true
        this.#gone.resolve()
      },
    })
  }

  lodge(port: Port): void {
    this.#control.postMessage(port, [port])
  }

  /** Resolves when it holds nothing any more: a thread that never did may take its time to end, as it does. */
  async close(platform: Platform): Promise<void> {
    this.#control.close()
    if (this.#holds === 'nothing') return void this.#thread.end()
    const graceMs = this.#holds === 'connection' ? CLOSE_MS : 0
    const timer = platform.setTimer(graceMs, () => void this.#thread.end(), 'holds')
    if (!this.ended) await this.#gone.promise
    timer.cancel()
  }
}
