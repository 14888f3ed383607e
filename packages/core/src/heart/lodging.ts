/** On the thread that a heart lives on: hears the worker, and tells it what became of the renewals. */
import { clocksOf, type Clocks, type Port } from '../platform/threads.ts'
import { Heart } from './heart.ts'
import { failureOf, type News, type Word } from './messages.ts'
import { Pulse } from './pulse.ts'
import type { Timer } from '../platform/platform.ts'
import type { Leases } from '../store/sessions.ts'

/**
 * What renews is opened when so much of a lease's time has passed since it was renewed: it is there when the next
 * renewal is due, after a third, and a burst of tasks at the beginning does not share the processor with that.
 */
const OPENED_AFTER = 1 / 4

/**
 * A heart that renews until the port closes. It keeps the thread as long as there is a session to keep up; whether the
 * port itself does is the caller's to say (`port.unref()`).
 *
 * @param leases open, and on the same home as the worker's store
 */
export function lodgeHeart(port: Port, leases: Pick<Leases, 'renew'>): void {
  new Lodger(port).beatBy(leases)
}

type Begin = Word & { readonly kind: 'begin' }

/** A heart and its line to the worker. It does not beat before there is something to renew by; until then the near one does. */
export class Lodger {
  readonly #port: Port
  readonly #clocks: Clocks
  readonly #due: () => void
  #originMs = 0
  /** What was begun, for a heart that is not there yet. */
  #begun: Begin | undefined
  #timer: Timer | undefined
  #heart: Heart | undefined
  #pulse: Pulse | undefined

  /** @param due it is time to open what renews; may be called more than once */
  constructor(port: Port, due: () => void = () => undefined) {
    this.#port = port
    this.#due = due
    this.#clocks = clocksOf(() => this.#originMs)
    port.on('message', (word: Word) => this.#hear(word))
    port.on('close', () => this.#end())
  }

  /** Takes over from the near one. */
  beatBy(leases: Pick<Leases, 'renew'>): void {
    this.#timer?.cancel()
    const heart = new Heart({
      as: 'far',
      platform: this.#clocks,
      renew: (request) => leases.renew(request),
      ask: (session) => this.#tell({ kind: 'ask', session }),
      renewed: (session, answer) => this.#tell({ kind: 'renewed', session, answer }),
      failed: (session, error) => this.#tell({ kind: 'failed', session, failure: failureOf(error) }),
    })
    this.#heart = heart
    if (this.#begun !== undefined) this.#begin(heart, this.#begun)
  }

  /** There is nothing to renew by, and will not be. */
  refuse(error: unknown): void {
    this.#tell({ kind: 'refused', failure: failureOf(error) })
    this.#port.close()
  }

  #hear(word: Word): void {
    switch (word.kind) {
      case 'begin':
        this.#originMs = word.originMs
        return this.#heart === undefined ? this.#wait(word) : this.#begin(this.#heart, word)
      case 'progress':
        return this.#heart?.answered(word.session, word.progress)
      case 'now':
        return this.#heart?.beatNow()
      case 'end':
        return this.#end()
    }
  }

  #begin(heart: Heart, { session, ttlMs, buffer }: Begin): void {
    const pulse = new Pulse(buffer)
    this.#pulse = pulse
    heart.begin({ session, ttlMs, pulse })
  }

  #wait(word: Begin): void {
    this.#begun = word
    const renewedMs = new Pulse(word.buffer).renewedAt.monotonicMs
    const leftMs = renewedMs + word.ttlMs * OPENED_AFTER - this.#clocks.monotonicMs()
    this.#timer?.cancel()
    this.#timer = this.#clocks.setTimer(Math.max(0, leftMs), this.#due, 'holds')
  }

  #end(): void {
    this.#timer?.cancel()
    this.#begun = undefined
    this.#heart?.end()
  }

  #tell(news: News): void {
    this.#port.postMessage(news)
    this.#pulse?.announce()
  }
}
