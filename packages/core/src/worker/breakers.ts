/**
 * The circuit breakers of a worker's tasks: each attempt is an outcome, and what they come to is written into the
 * store, for all workers to go by. Nothing waits for that.
 */
import { breakerLimit, type Breaker } from '../task/flow-options.ts'
import { breakerState, EMPTY_WINDOW, isTripped, seen, type Window } from '../policy/breaker.ts'
import { newNonce } from '../task/ids.ts'
import { limitsNamed } from './declarations.ts'
import type { AnyHandler } from '../task/handler.ts'
import type { Attempted } from './attempt.ts'
import type { Run } from './run.ts'
import type { Connection } from '../client/connection.ts'
import type { LimitRecord } from '../store/flow.ts'

export interface BreakersParts {
  readonly connection: Connection
  readonly handlers: ReadonlyMap<string, AnyHandler>
  failed(error: unknown): void
}

interface Watched extends Breaker {
  window: Window
  /** What the store said last; `undefined`: nobody ever set it, or nobody has looked yet. */
  record: LimitRecord | undefined
  /** When that was, by the monotonic clock. */
  lookedMs: number
  /** How many probes have succeeded since the store said what it says. */
  probed: number
  changing: boolean
}

/** While attempts go on, what others have decided is looked at so often. */
const LOOK_MS = 1_000

/** Those of the handlers' definitions; `undefined`: none of them has one. */
export function breakersOf(
  handlers: ReadonlyMap<string, AnyHandler>,
  parts: Omit<BreakersParts, 'handlers'>,
): Breakers | undefined {
  const any = [...handlers.values()].some(({ task }) => task.flow?.breaker !== undefined)
  return any ? new Breakers({ ...parts, handlers }) : undefined
}

class Breakers {
  readonly #parts: BreakersParts
  readonly #byName = new Map<string, Watched>()

  constructor(parts: BreakersParts) {
    this.#parts = parts
    for (const { task } of parts.handlers.values()) {
      const breaker = task.flow?.breaker
      if (breaker === undefined || this.#byName.has(breaker.name)) continue
      this.#byName.set(breaker.name, {
        ...breaker,
        window: EMPTY_WINDOW,
        record: undefined,
        lookedMs: -Infinity,
        probed: 0,
        changing: false,
      })
    }
  }

  /** An attempt has ended. What was cancelled or given back says nothing of the dependency. */
  note({ claim }: Run, { outcome, error }: Attempted): void {
    if (outcome.kind !== 'returned' && outcome.kind !== 'failed') return
    const breaker = this.#parts.handlers.get(claim.type)?.task.flow?.breaker
    const watched = breaker === undefined ? undefined : this.#byName.get(breaker.name)
    if (breaker === undefined || watched === undefined) return
    const failed = outcome.kind === 'failed' && countsAsFailure(breaker, error)
    const atMs = this.#parts.connection.platform.monotonicMs()
    watched.window = seen(watched.window, { atMs, failed }, watched.policy)
    const probing = watched.record !== undefined && watched.record.allowance.concurrency !== null
    if (probing && !failed) watched.probed += 1
    const decides = probing
      ? failed || watched.probed >= watched.policy.probes
      : failed && this.#isTripped(watched, atMs)
    if (decides || atMs - watched.lookedMs >= LOOK_MS) this.#change(watched)
  }

  /** One change at a time: what comes meanwhile is looked at by it, or comes again. */
  #change(watched: Watched): void {
    if (watched.changing) return
    watched.changing = true
    void this.#decide(watched)
      .catch((error: unknown) => this.#parts.failed(error))
      .finally(() => (watched.changing = false))
  }

  /** By what the store says now, since others decide, too: whoever is faster has decided. */
  async #decide(watched: Watched): Promise<void> {
    const { connection } = this.#parts
    const name = breakerLimit(watched.name)
    const record = (await limitsNamed(connection, [name])).get(name)
    watched.lookedMs = connection.platform.monotonicMs()
    const version = record?.version ?? 0
    const known = watched.record?.version ?? 0
    watched.record = record
    if (version !== known) {
      watched.probed = 0
      if (breakerState(record, await this.#now()) !== 'closed') return
    }
    const change = await this.#wanted(watched)
    if (change === null) return
    const { probes, openMs } = watched.policy
    const request = {
      nonce: newNonce(connection.platform),
      name,
      version,
      allowance: { concurrency: change === 'open' ? probes : null, rate: null },
      shutMs: change === 'open' ? openMs : null,
      by: 'breaker' as const,
    }
    await connection.call((store) => store.configureLimit(request), 'insists')
    watched.window = EMPTY_WINDOW
    watched.probed = 0
    watched.record = (await limitsNamed(connection, [name])).get(name)
  }

  async #wanted(watched: Watched): Promise<'open' | 'closed' | null> {
    const { record, window, policy, probed } = watched
    const state = breakerState(record, await this.#now())
    if (state === 'closed') return this.#isTripped(watched, watched.lookedMs) ? 'open' : null
    if (state === 'open') return null
    const last = window.outcomes.at(-1)
    if (last?.failed === true) return 'open'
    return probed >= policy.probes ? 'closed' : null
  }

  /** The user's own strategy may fail; then that is told, and the share decides. */
  #isTripped({ window, policy, trips }: Watched, nowMs: number): boolean {
    if (trips === undefined) return isTripped(window, policy)
    try {
      return trips(window.outcomes.map(({ atMs, failed }) => ({ agoMs: nowMs - atMs, failed })))
    } catch (error) {
      this.#parts.failed(error)
      return isTripped(window, policy)
    }
  }

  #now(): Promise<number> {
    return this.#parts.connection.read((store) => store.now(), 'insists')
  }
}

/** The user's function may fail; then the error counts. */
function countsAsFailure({ counts }: Breaker, error: unknown): boolean {
  try {
    return counts(error)
  } catch {
    return true
  }
}
