/** Connections of gRPC on which too many calls are made for nothing: they are closed, and whoever made them is known for it. */
import { constants, type ServerHttp2Session } from 'node:http2'
import { TokenBuckets } from '../access/token-buckets.ts'
import type { Platform } from '@millrace/core'
import type { Doorkeeper } from '../listen/doorkeeper.ts'

/** As many seconds' worth of wasted calls may come at once. */
const BURST_S = 5
/** Calls that run on such a connection may still be answered. */
const GRACE_MS = 1_000

interface ConductParts {
  readonly platform: Platform
  readonly door: Doorkeeper
  /** Calls of one connection that may be for nothing in a second. */
  readonly wastedPerSecond: number
}

/** So many calls are more work than what others do on a connection. */
const WEIGHT = 10

/** What of a connection matters here. */
export interface Connection {
  /** `address:port` */
  readonly peer: string
  readonly address: string | undefined
  readonly session: ServerHttp2Session | undefined
}

export class Conduct {
  readonly #parts: ConductParts
  readonly #wasted: TokenBuckets
  readonly #told = new WeakSet<ServerHttp2Session>()

  constructor(parts: ConductParts) {
    this.#parts = parts
    const { wastedPerSecond: perSecond, platform } = parts
    this.#wasted = new TokenBuckets({ perSecond, burst: perSecond * BURST_S }, platform)
  }

  served(peer: string): void {
    this.#parts.door.served(peer)
  }

  /** A call on it was for nothing. */
  wasted({ peer, address, session }: Connection): void {
    if (session === undefined || this.#told.has(session) || this.#wasted.take(peer) === null) return
    this.#told.add(session)
    this.#parts.door.harmed(address, WEIGHT)
    if (session.destroyed) return
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    session.close()
    this.#parts.platform.setTimer(GRACE_MS, () => session.destroy(), 'idle')
  }
}
