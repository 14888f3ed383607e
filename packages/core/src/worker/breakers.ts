/**
 * The circuit breakers of a worker's tasks: each attempt is an outcome, and what they come to is written into the
 * store, for all workers to go by. Nothing waits for that.
 */
import { breakerLimit, type Breaker, type BreakerRule } from '../task/flow-options.ts'
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

/** What attempts said that began when it let some through. */
interface Probes {
  readonly succeeded: number
  readonly failed: boolean
}

interface Ended {
  /** Store time. */
  readonly claimedAt: number
  readonly failed: boolean
}

interface Watched extends BreakerRule {
  readonly name: string
  window: Window
  /** What the store said last; `undefined`: nobody ever set it, or nobody has looked yet. */
  record: LimitRecord | undefined
  /** When that was, by the monotonic clock. */
  lookedMs: number
  /** Since the store said what it says. */
  probes: Probes
  last: Ended | undefined
  changing: boolean
}

const NO_PROBES: Probes = { succeeded: 0, failed: false }

/** While attempts go on, what others have decided is looked at so often. */
const LOOK_MS = 1_000

/** `undefined`: there are no rules, since no definition has a breaker. */
export function breakersOf(
  rules: ReadonlyMap<string, BreakerRule>,
  parts: BreakersParts,
): Breakers | undefined {
  return rules.size === 0 ? undefined : new Breakers(rules, parts)
}

class Breakers {
  readonly #parts: BreakersParts
  readonly #byName = new Map<string, Watched>()

  constructor(rules: ReadonlyMap<string, BreakerRule>, parts: BreakersParts) {
    this.#parts = parts
    for (const [name, rule] of rules) {
      this.#byName.set(name, {
        ...rule,
        name,
        window: EMPTY_WINDOW,
        record: undefined,
        lookedMs: -Infinity,
        probes: NO_PROBES,
        last: undefined,
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
    const failed = outcome.kind === 'failed' && this.#countsAsFailure(breaker, error)
    const atMs = this.#parts.connection.platform.monotonicMs()
    watched.window = seen(watched.window, { atMs, failed }, watched.policy)
    watched.last = { claimedAt: claim.claimedAt, failed }
    const isClosed = watched.record === undefined || watched.record.allowance.concurrency === null
    if (!isClosed && isProbe(watched.last, watched.record!))
      watched.probes = withProbe(watched.probes, watched.last)
    const decides = isClosed ? failed && this.#isTripped(watched, atMs) : haveDecided(watched)
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
      watched.probes = NO_PROBES
      if (breakerState(record, await this.#now()) !== 'closed') {
        watched.window = EMPTY_WINDOW
        const { last } = watched
        if (last !== undefined && isProbe(last, record!)) watched.probes = withProbe(NO_PROBES, last)
      }
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
    watched.probes = NO_PROBES
    watched.record = (await limitsNamed(connection, [name])).get(name)
  }

  async #wanted(watched: Watched): Promise<'open' | 'closed' | null> {
    const state = breakerState(watched.record, await this.#now())
    if (state === 'closed') return this.#isTripped(watched, watched.lookedMs) ? 'open' : null
    if (state === 'open' || !haveDecided(watched)) return null
    return watched.probes.failed ? 'open' : 'closed'
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

  /** The user's function may fail; then that is told, and the error counts. */
  #countsAsFailure({ counts }: Breaker, error: unknown): boolean {
    try {
      return counts(error)
    } catch (thrown) {
      this.#parts.failed(thrown)
      return true
    }
  }

  #now(): Promise<number> {
    return this.#parts.connection.read((store) => store.now(), 'insists')
  }
}

/** What was claimed before it let any through says nothing of how the dependency is since. */
function isProbe({ claimedAt }: Ended, { shutUntil }: LimitRecord): boolean {
  return claimedAt >= shutUntil
}

function withProbe({ succeeded, failed }: Probes, ended: Ended): Probes {
  return { succeeded: succeeded + (ended.failed ? 0 : 1), failed: failed || ended.failed }
}

function haveDecided({ probes, policy }: Watched): boolean {
  return probes.failed || probes.succeeded >= policy.probes
}
