/** Tells those who listen what becomes of runs. */
import { about, type WorkerEmitter } from './events.ts'
import type { Connection } from '../client/connection.ts'
import type { Transition, Verdict } from '../store/settlement.ts'
import type { Tally } from './metrics.ts'
import type { Run } from './run.ts'

const CRASHES: ReadonlySet<string> = new Set(['crash', 'isolated-crash'])

export interface AnnouncerParts {
  readonly connection: Connection
  readonly emitter: WorkerEmitter
  readonly tally: Tally
}

export class Announcer {
  readonly #parts: AnnouncerParts

  constructor(parts: AnnouncerParts) {
    this.#parts = parts
  }

  started(run: Run): void {
    const { emitter } = this.#parts
    if (!emitter.heard('started')) return
    const { runAt, claimedAt } = run.claim
    emitter.emit('started', { ...about(run), waitedMs: Math.max(claimedAt - runAt, 0) })
  }

  ended(
    run: Run,
    end: { readonly transition: Transition; readonly verdict: Verdict; readonly error: unknown },
  ): void {
    const { emitter, connection, tally } = this.#parts
    const { transition, verdict, error } = end
    if (verdict === 'stale') {
      if (run.startedMs === undefined) return
      tally.lost += 1
      emitter.emit('lost', about(run))
    } else if (verdict === 'cancelled' || transition.to === 'cancelled') {
      tally.cancelled += 1
      if (emitter.heard('cancelled')) emitter.emit('cancelled', about(run))
    } else if (transition.to === 'succeeded') {
      tally.succeeded += 1
      if (emitter.heard('succeeded')) emitter.emit('succeeded', { ...about(run), durationMs: run.tookMs })
    } else if (
      transition.to === 'failed' ||
      (transition.to === 'pending' && transition.count === 'failure')
    ) {
      if (transition.to === 'failed') tally.failed += 1
      else tally.retried += 1
      const delayMs = transition.to === 'pending' ? (transition.delayMs ?? 0) : null
      const willRetryAt = delayMs === null ? null : new Date(connection.platform.wallMs() + delayMs)
      if (emitter.heard('failed'))
        emitter.emit('failed', { ...about(run), durationMs: this.#durationMs(run), error, willRetryAt })
    } else if (transition.to === 'pending' && CRASHES.has(transition.count)) {
      tally.crashes += 1
      if (emitter.heard('crashed')) emitter.emit('crashed', { ...about(run), error })
    }
  }

  /** Of what ran out of time the handler may still be at work. */
  #durationMs({ tookMs, startedMs }: Run): number {
    if (tookMs > 0 || startedMs === undefined) return tookMs
    return this.#parts.connection.platform.monotonicMs() - startedMs
  }
}
