/** How long the main thread may be blocked, where handlers have a say in that: the longest of those that run counts. */
import { durationMs } from '../task/duration.ts'
import type { AnyHandler } from '../task/handler.ts'
import type { Unit } from './batch.ts'
import { runsOf } from './batch.ts'

export interface ToleranceParts {
  readonly handlers: ReadonlyMap<string, AnyHandler>
  /** Of handlers that say nothing, and while none runs. */
  readonly maxBlockMs: number
  /** It has changed. */
  allow(ms: number): void
}

/** `undefined`: no handler has a say. */
export function toleranceOf(parts: ToleranceParts): Tolerance | undefined {
  const own = new Map<string, number>()
  for (const [type, { options }] of parts.handlers)
    if (options.maxBlock !== undefined) own.set(type, durationMs(options.maxBlock, 'maxBlock'))
  return own.size === 0 ? undefined : new Tolerance(parts, own)
}

export class Tolerance {
  readonly #parts: ToleranceParts
  /** By type of task. */
  readonly #own: ReadonlyMap<string, number>
  /** How many handlers run that may block for so long. */
  readonly #running = new Map<number, number>()
  #allowedMs: number

  constructor(parts: ToleranceParts, own: ReadonlyMap<string, number>) {
    this.#parts = parts
    this.#own = own
    this.#allowedMs = parts.maxBlockMs
  }

  begin(unit: Unit): void {
    const ms = this.#of(unit)
    this.#running.set(ms, (this.#running.get(ms) ?? 0) + 1)
    this.#tell()
  }

  end(unit: Unit): void {
    const ms = this.#of(unit)
    const others = this.#running.get(ms)! - 1
    if (others === 0) this.#running.delete(ms)
    else this.#running.set(ms, others)
    this.#tell()
  }

  #of(unit: Unit): number {
    return this.#own.get(runsOf(unit)[0]!.claim.type) ?? this.#parts.maxBlockMs
  }

  #tell(): void {
    const allowedMs = this.#running.size === 0 ? this.#parts.maxBlockMs : Math.max(...this.#running.keys())
    if (allowedMs === this.#allowedMs) return
    this.#allowedMs = allowedMs
    this.#parts.allow(allowedMs)
  }
}
