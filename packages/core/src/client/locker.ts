/** Takes locks, waits for them, and gives back what is held when the client closes. */
import { ClosedError, InvalidArgumentError, LockHeldError } from '../task/errors.ts'
import { durationMs, type Duration } from '../task/duration.ts'
import { newNonce } from '../task/ids.ts'
import { checkedName } from '../task/limits.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { hostProfile } from '../platform/host.ts'
import { shown } from '../task/shown.ts'
import { clocksOf, Lock } from './lock.ts'
import { checkWait } from './handle.ts'
import { growingWaits, pause } from './repeat.ts'
import type { Connection } from './connection.ts'
import type { LockRequest } from '../store/locks.ts'
import type { WaitOptions } from './waits.ts'

/** How long to wait for a lock, and how long it is held without a word. */
export interface LockOptions {
  /** How long to wait while somebody else holds it. Default: not at all, one try. */
  readonly within?: Duration | undefined
  /** How long it is held without a word from this process, which renews it. At least 1 s. Default 15 s. */
  readonly lease?: Duration | undefined
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined
}

const LOCK_MEMBERS: Members<LockOptions> = { within: true, lease: true, signal: true }
const LEASE_DEFAULT = '15s'
const LEASE_MIN_MS = 1_000

export class Locker {
  readonly #connection: Connection
  readonly #held = new Set<Lock>()
  #closed = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async lock(name: string, options: LockOptions = {}): Promise<Lock> {
    checkedName(name, 'The lock')
    checkMembers(options, LOCK_MEMBERS, 'lock')
    const { within = 0, lease = LEASE_DEFAULT, signal } = options
    const wait = checkWait({ within, signal })
    const ttlMs = durationMs(lease, 'lease')
    if (ttlMs < LEASE_MIN_MS) {
      throw new InvalidArgumentError(`lease is ${shown(lease)}.`, { hint: 'It is 1 s at least.' })
    }
    const { host, pid } = hostProfile()
    const holder = newNonce(this.#connection.platform)
    const request = { name, holder, ttlMs, about: `${host} ${pid}` }
    return this.#connection.operation(() => this.#wait(request, wait))
  }

  /** Gives back all that is held, as far as the store lets it: the rest lapses in its time. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(
      [...this.#held].map((lock) =>
        lock.release().catch((error: unknown) => {
          this.#connection.logger.warn({ err: error, lock: lock.name }, 'a lock could not be given back')
        }),
      ),
    )
  }

  async #wait(request: LockRequest, { withinMs, signal }: WaitOptions): Promise<Lock> {
    const { platform } = this.#connection
    const endMs = platform.monotonicMs() + withinMs
    for (const waitMs of growingWaits(platform)) {
      signal?.throwIfAborted()
      if (this.#closed) throw new ClosedError()
      const since = clocksOf(this.#connection)
      const answer = await this.#connection.call((store) => store.acquireLock(request))
      if (answer.outcome === 'acquired') {
        const ended = (lock: Lock): void => void this.#held.delete(lock)
        const lock = new Lock({ connection: this.#connection, request, token: answer.token, since, ended })
        if (!lock.signal.aborted) this.#held.add(lock)
        if (!this.#closed) return lock
        // it came too late to be among those that the close gives back
        await lock.release()
        throw new ClosedError()
      }
      const leftMs = endMs - platform.monotonicMs()
      if (leftMs <= 0) break
      await pause(platform, Math.min(leftMs, waitMs, Math.max(answer.endsInMs, 1)))
    }
    throw new LockHeldError(request.name, withinMs)
  }
}
