/**
 * The worker's side of its hearts: one on this thread, and one on a thread of its own or of the store's, which takes over
 * when there is work to do. Where this thread is blocked, only that one goes on.
 */
import { clockOrigin, newChannel, received, type Port } from '../platform/threads.ts'
import { StoreError } from '../task/errors.ts'
import type { Connection } from '../client/connection.ts'
import { heartEntry, type HeartHost } from './host.ts'
import type { SessionId } from '../store/records.ts'
import type { LeasesModule, RenewAnswer } from '../store/sessions.ts'
import { Heart, type Life, type Progress } from './heart.ts'
import { errorOf, type News, type Word } from './messages.ts'

export interface Listeners {
  /** What the worker holds now; `undefined` if it has just found that its lease is lost. */
  progress(): Progress | undefined
  renewed(session: SessionId, answer: RenewAnswer): void
  failed(session: SessionId, error: unknown): void
  /** The heart is gone: nobody renews any more. */
  died(error: Error): void
}

/** A thread that could not be started, or did not live, is not tried again before that. */
const RESTART_MS = 10_000

export class Heartbeat {
  readonly #connection: Connection
  readonly #listeners: Listeners
  readonly #near: Heart
  #far: FarHeart | undefined
  #life: Life | undefined
  /** When another thread may be tried; `undefined`: there is no way to one. */
  #startsMs: number | undefined

  /** @throws InvalidArgumentError if a module of its thread was left out of a bundle */
  constructor(connection: Connection, listeners: Listeners) {
    this.#connection = connection
    this.#listeners = listeners
    const { store, platform } = connection
    this.#near = new Heart({
      as: 'near',
      platform,
      renew: (request) => store.renew(request),
      ask: (session) => {
        const held = listeners.progress()
        if (held !== undefined) this.#near.answered(session, held)
      },
      renewed: (session, answer) => listeners.renewed(session, answer),
      failed: (session, error) => listeners.failed(session, error),
    })
    const { elsewhere } = store
    if (platform.threads === 'none' || elsewhere === 'never') return
    if (typeof elsewhere === 'object') heartEntry()
    this.#startsMs = -Infinity
  }

  /** Keeps up this session, and none before it. */
  begin(life: Life): void {
    this.#life = life
    this.#near.begin(life)
    this.#far?.begin(life)
  }

  /**
   * There is work, which may block this thread: from now on another one is to beat. Until it does, this one goes on, and
   * a worker that has nothing to do needs no memory and no connection for it.
   */
  expectWork(): void {
    if (this.#far !== undefined || this.#startsMs === undefined) return
    const { store, platform, logger } = this.#connection
    const { elsewhere } = store
    if (platform.monotonicMs() < this.#startsMs || elsewhere === 'never') return
    this.#startsMs = platform.monotonicMs() + RESTART_MS
    if (elsewhere === 'needs-url') {
      this.#startsMs = undefined
      return logger.warn(
        { store: store.kind, hint: 'Give the store a `url` beside your own pool or client.' },
        'heartbeats stay on the main thread: a handler that blocks it for longer than the lease loses its task',
      )
    }
    try {
      this.#startFar(elsewhere)
    } catch (error) {
      this.#listeners.failed(this.#life?.session ?? '', error)
    }
  }

  #startFar(elsewhere: LeasesModule | 'own-thread'): void {
    const far = new FarHeart(this.#connection.hearts, elsewhere, {
      ...this.#listeners,
      died: (error) => {
        this.#far = undefined
        // one that did not get so far leaves it to the other one
        if (this.#life?.pulse.beater === 'far') this.#listeners.died(error)
        else if (this.#life !== undefined) this.#listeners.failed(this.#life.session, error)
      },
    })
    this.#far = far
    if (this.#life !== undefined) far.begin(this.#life)
  }

  /** Renews now. */
  beatNow(): void {
    this.#near.beatNow()
    this.#far?.beatNow()
  }

  end(): void {
    this.#life = undefined
    this.#near.end()
    this.#far?.end()
  }

  /** Hears at once what the heart has told and is waiting to be heard. */
  hear(): void {
    this.#far?.hear()
  }

  /** Gives back what it needed. What it was about to do it does not. */
  async close(): Promise<void> {
    this.end()
    await this.#far?.close()
  }
}

/** The line to a heart on another thread. It holds the process: a worker is there to work. */
class FarHeart {
  readonly #hosts: HeartHost
  readonly #listeners: Listeners
  readonly #port: Port
  readonly #gone = Promise.withResolvers<void>()
  #life: Life | undefined
  /** How much news of this life has been heard of. */
  #news = 0
  /** Why it could not begin to beat. */
  #refusal: Error | undefined
  #closing = false

  /** @throws StoreError if the store has no thread now */
  constructor(hosts: HeartHost, place: LeasesModule | 'own-thread', listeners: Listeners) {
    this.#hosts = hosts
    this.#listeners = listeners
    const { near, far } = newChannel()
    this.#port = near
    try {
      hosts.lodge(far, place)
    } catch (error) {
      near.close()
      throw error
    }
    near.on('message', (news: News) => this.#take(news))
    near.on('close', () => this.#ended())
  }

  begin(life: Life): void {
    this.#life = life
    this.#news = 0
    const { session, ttlMs, pulse } = life
    this.#say({ kind: 'begin', session, ttlMs, buffer: pulse.buffer, originMs: clockOrigin() })
  }

  beatNow(): void {
    this.#say({ kind: 'now' })
  }

  end(): void {
    this.#life = undefined
    this.#say({ kind: 'end' })
  }

  hear(): void {
    const { pulse } = this.#life ?? {}
    if (pulse === undefined || pulse.news === this.#news) return
    this.#news = pulse.news
    for (let news = received(this.#port); news !== undefined; news = received(this.#port))
      this.#take(news as News)
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#port.close()
    await this.#gone.promise
  }

  #say(word: Word): void {
    this.#port.postMessage(word)
  }

  #take(news: News): void {
    switch (news.kind) {
      case 'refused':
        this.#refusal = errorOf(news.failure)
        return
      case 'ask':
        return this.#answer(news.session)
      case 'renewed':
        return this.#listeners.renewed(news.session, news.answer)
      case 'failed':
        return this.#listeners.failed(news.session, errorOf(news.failure))
    }
  }

  #answer(session: SessionId): void {
    if (this.#life?.session !== session) return
    const progress = this.#listeners.progress()
    if (progress !== undefined) this.#say({ kind: 'progress', session, progress })
  }

  #ended(): void {
    const { cause } = this.#hosts
    // Node ends the process if a port is read that is closing: whoever hears of this reads no more
    this.#life = undefined
    void this.#hosts.left().then(this.#gone.resolve)
    if (this.#closing) return
    this.#closing = true
    const died = new StoreError('store-unavailable', 'The thread that renews the lease has ended.', {
      hint: 'The worker starts another one.',
      effect: 'none',
      cause,
    })
    this.#listeners.died(this.#refusal ?? died)
  }
}
