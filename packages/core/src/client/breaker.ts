/** Refuses calls at once while the store is down, and asks it now and then whether it is back. */
import { randomFraction, type Platform, type Timer } from '../platform/platform.ts'
import { newCircuit, nextCircuit, type Circuit, type CircuitEvent } from '../policy/circuit.ts'
import { StoreError } from '../task/errors.ts'

export interface BreakerParts {
  readonly platform: Platform
  /** For how long nothing but failures must have come before the store counts as down. */
  readonly openAfterMs: number
  /** Asks the store for anything, and rejects if it is away. */
  probe(): Promise<unknown>
  /** The store counts as down from now on. */
  opened(): void
  /** It is back. */
  closed(): void
}

export class Breaker {
  readonly #parts: BreakerParts
  #circuit: Circuit
  #timer: Timer | undefined
  /** What the last failure said. */
  #cause: unknown
  #closed = false

  constructor(parts: BreakerParts) {
    this.#parts = parts
    this.#circuit = newCircuit(parts.platform.monotonicMs())
  }

  get isOpen(): boolean {
    return this.#circuit.kind !== 'closed'
  }

  /** @throws StoreError while the store is down: nothing was sent */
  admit(): void {
    if (this.isOpen) throw this.refusal()
  }

  answered(): void {
    this.#heed({ kind: 'answered', atMs: this.#now() })
  }

  /** @param begunAtMs when the call began that found the store away */
  failed(cause: unknown, begunAtMs: number): void {
    this.#cause = cause
    this.#heed({ kind: 'failed', begunAtMs, ...this.#moment() })
  }

  /** What is told to those who call while the store is down. */
  refusal(): StoreError {
    const { failingSinceMs } = this.#circuit
    const goneMs = Math.round(this.#now() - (failingSinceMs ?? this.#now()))
    const next =
      this.#circuit.kind === 'open'
        ? `in ${Math.max(0, Math.ceil(this.#circuit.probeAtMs - this.#now()))} ms`
        : 'at this moment'
    const why = this.#cause instanceof Error ? ` ${this.#cause.message}` : ''
    return new StoreError('store-unavailable', `The store has been away for ${goneMs} ms.${why}`, {
      effect: 'none',
      hint: `Nothing was sent. The store is tried again ${next}, and calls go through as soon as it answers.`,
      cause: this.#cause,
    })
  }

  /** Asks no more. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #heed(event: CircuitEvent): void {
    const before = this.#circuit
    this.#circuit = nextCircuit(before, event, this.#parts.openAfterMs)
    if (before.kind === this.#circuit.kind) return
    if (this.#circuit.kind === 'open') this.#probeAt(this.#circuit.probeAtMs)
    if (before.kind === 'closed') this.#parts.opened()
    if (this.#circuit.kind !== 'closed') return
    this.#timer?.cancel()
    this.#parts.closed()
  }

  #probeAt(atMs: number): void {
    this.#timer?.cancel()
    if (this.#closed) return
    const probe = (): void => void this.#probe()
    this.#timer = this.#parts.platform.setTimer(Math.max(0, atMs - this.#now()), probe, 'idle')
  }

  /** Whoever answers it is told to this breaker as with any call. */
  async #probe(): Promise<void> {
    this.#heed({ kind: 'probed' })
    try {
      await this.#parts.probe()
    } catch (error) {
      this.#cause = error
      this.#heed({ kind: 'probe-failed', ...this.#moment() })
    }
  }

  #moment(): { readonly atMs: number; readonly fraction: number } {
    return { atMs: this.#now(), fraction: randomFraction(this.#parts.platform) }
  }

  #now(): number {
    return this.#parts.platform.monotonicMs()
  }
}
