/**
 * Who may make a new connection. Connections that did harm are counted by where they came from: whoever made too many has to
 * wait until it may make another, and is turned away before TLS or HTTP have any work with it. What is connected already goes
 * on, so that those who share the address, behind a proxy for instance, are held up as little as can be.
 */
import { BlockList } from 'node:net'
import type { Logger, Platform } from '@millrace/core'
import { Attempts, sourceOf } from '../access/attempts.ts'

interface DoorkeeperParts {
  readonly platform: Platform
  readonly logger: Logger
  /** Connections from one address that may do harm in a second; five times as many may at once. */
  readonly perSecond: number
}

const BURST_S = 5
const TOLD_EVERY = 1_000

/** It is a list for Node's servers, which ask it about each connection before they make anything of it. */
export class Doorkeeper extends BlockList {
  readonly #harm: Attempts
  readonly #logger: Logger
  /** Connections, as `address:port`, on which something was asked for that was answered. */
  readonly #served = new Set<string>()
  #turnedAway = 0

  constructor({ platform, logger, perSecond }: DoorkeeperParts) {
    super()
    this.#logger = logger
    this.#harm = new Attempts(platform, { burst: perSecond * BURST_S, perSecond })
  }

  /** A connection from there did harm, as much as so many others. */
  harmed(address: string | null | undefined, weight = 1): void {
    this.#harm.failed(sourceOf(address ?? 'unknown'), weight)
  }

  served(peer: string): void {
    this.#served.add(peer)
  }

  /** A connection has ended. One of no use to anybody does harm: so are those that only make others answer. */
  left(peer: string, address: string | undefined): void {
    if (!this.#served.delete(peer)) this.harmed(address)
  }

  /** Whether somebody from there is turned away: so Node asks. */
  override check(address: unknown): boolean {
    if (typeof address !== 'string' || this.#harm.waitMs(sourceOf(address)) === 0) return false
    this.#turnedAway += 1
    if (this.#turnedAway % TOLD_EVERY === 1)
      this.#logger.warn(
        { address, turnedAway: this.#turnedAway },
        'Connections are turned away: too many from there did harm.',
      )
    return true
  }
}
