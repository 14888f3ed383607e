/**
 * Who leads the upkeep: one worker does all duties in their time, the others some of them less often. It only saves
 * work. With two leaders, or none, nothing goes wrong.
 */
import { newNonce } from '../task/ids.ts'
import { randomFraction, type Timer } from '../platform/platform.ts'
import type { Connection } from '../client/connection.ts'
import type { LockRequest } from '../store/locks.ts'
import type { SessionId } from '../store/records.ts'

/** No name that a user may give. */
export const UPKEEP_LOCK = '~upkeep'

const LEASE_MS = 15_000
const BEAT_MS = 5_000
/** What a worker does first when it starts is its tasks. */
const FIRST_BEAT_MS = 500

export interface LeadershipParts {
  readonly connection: Connection
  session(): SessionId | null
  failed(error: unknown, doing: string): void
}

export class Leadership {
  readonly #parts: LeadershipParts
  #timer: Timer | undefined
  #beating: Promise<void> | undefined
  #held: LockRequest | null = null
  #stopped = false

  constructor(parts: LeadershipParts) {
    this.#parts = parts
  }

  get leads(): boolean {
    return this.#held !== null
  }

  start(): void {
    this.#beatIn(FIRST_BEAT_MS)
  }

  /** Hands it over: whoever asks next takes it. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#beating
    await this.#handOver().catch((error: unknown) => this.#parts.failed(error, 'handing the upkeep over'))
  }

  #beat(): void {
    if (this.#stopped) return
    this.#beating = this.#renewOrAsk()
      .catch((error: unknown) => {
        this.#held = null
        this.#parts.failed(error, 'asking who leads the upkeep')
      })
      .then(() => this.#beatIn(BEAT_MS))
  }

  #beatIn(delayMs: number): void {
    if (this.#stopped) return
    const { platform } = this.#parts.connection
    const waitMs = delayMs * (0.75 + randomFraction(platform) / 4)
    this.#timer = platform.setTimer(waitMs, () => this.#beat(), 'idle')
  }

  async #renewOrAsk(): Promise<void> {
    const { connection } = this.#parts
    const session = this.#parts.session()
    const held = this.#held
    if (held !== null && held.about !== session) await this.#handOver()
    else if (held !== null) {
      const answer = await connection.call((store) => store.renewLock(held), 'insists')
      if (answer === 'lost') this.#held = null
      return
    }
    if (session === null) return
    const holder = newNonce(connection.platform)
    const request = { name: UPKEEP_LOCK, holder, ttlMs: LEASE_MS, about: session }
    const answer = await connection.call((store) => store.acquireLock(request), 'insists')
    if (answer.outcome === 'acquired') this.#held = request
  }

  async #handOver(): Promise<void> {
    const held = this.#held
    this.#held = null
    if (held !== null) await this.#parts.connection.call((store) => store.releaseLock(held), 'insists')
  }
}
