/**
 * A new connection may have few calls at a time: hundreds that begin at once are in everybody's way, and in most cases a few
 * do as well. It may have more when many were answered, so that distance does not slow it down, and at once when it is full
 * of calls that take long: others would wait behind these. What is beyond that is refused before it costs much, and clients
 * try it again.
 */
import type { ServerHttp2Session } from 'node:http2'
import type { Platform } from '@millrace/core'

/** Calls at a time on a new connection. */
const FIRST = 16
/** So many on one that is not full of long ones. */
const SHORT_MAX = 128
/** There may be twice as many when each place was used so often. */
const USES = 16
/** So much later a full connection is looked at again: whether its calls are long ones, */
const LOOK_MS = 250
/** of which no more than this share has ended. A server that is busy ends more of them. */
const ENDED_SHARE = 1 / 4

interface Start {
  max: number
  alive: number
  /** Since the maximum was said. */
  ended: number
  isLooking: boolean
}

export class SlowStart {
  readonly #max: number
  readonly #platform: Platform
  readonly #starts = new WeakMap<ServerHttp2Session, Start>()

  /** @param max calls at a time on any connection */
  constructor(max: number, platform: Platform) {
    this.#max = max
    this.#platform = platform
  }

  get first(): number {
    return Math.min(FIRST, this.#max)
  }

  begun(session: ServerHttp2Session): void {
    const start = this.#starts.get(session) ?? { max: this.first, alive: 0, ended: 0, isLooking: false }
    this.#starts.set(session, start)
    start.alive += 1
    if (start.alive >= start.max) this.#look(session, start)
  }

  ended(session: ServerHttp2Session): void {
    const start = this.#starts.get(session)
    if (start === undefined) return
    start.alive -= 1
    start.ended += 1
    if (start.max < SHORT_MAX && start.ended >= start.max * USES) this.#double(session, start)
  }

  #look(session: ServerHttp2Session, start: Start): void {
    if (start.isLooking || start.max >= this.#max) return
    start.isLooking = true
    const { max, ended } = start
    this.#platform.setTimer(
      LOOK_MS,
      () => {
        start.isLooking = false
        if (start.max !== max || start.alive < max || session.destroyed) return
        if (start.ended - ended <= max * ENDED_SHARE) this.#double(session, start)
        else this.#look(session, start)
      },
      'idle',
    )
  }

  #double(session: ServerHttp2Session, start: Start): void {
    if (session.destroyed || start.max >= this.#max) return
    start.max = Math.min(this.#max, start.max * 2)
    start.ended = 0
    session.settings({ maxConcurrentStreams: start.max })
    if (start.alive >= start.max) this.#look(session, start)
  }
}
