/**
 * A best-effort bulk on its way: it is cut into chunks, and while the store writes one the next is made. A
 * large bulk so takes little more time than the slower of the two, and never blocks the process for long.
 */
import { LIMITS } from '../task/limits.ts'
import { payloadSize } from '../task/codec.ts'
import type { Arrival, Batcher } from './batcher.ts'
import type { Platform } from '../platform/platform.ts'
import type { TaskGroup } from '../store/port.ts'
import type { TaskSpec } from '../store/records.ts'

/** Small enough that the last one, which nothing overlaps, costs little; large enough for its round trip. */
const CHUNK_TASKS = 250

/** So many chunks of one bulk are under way: as many as there are trips. */
const FLIGHTS_MAX = 2

export interface StreamParts {
  readonly platform: Platform
  batcherFor(groups: readonly TaskGroup[]): Batcher
  /** Tells what became of a task. */
  arrived(spec: TaskSpec, arrival: Arrival): void
}

export class Stream {
  readonly #parts: StreamParts
  readonly #flights = new Set<Promise<void>>()
  #chunk: TaskSpec[] = []
  #bytes = 0
  /** Whether a task of the chunk waits for others, which may be of this bulk. */
  #waits = false
  /** Once the store cannot be reached the rest is not tried any more. */
  #broken: Arrival | undefined

  constructor(parts: StreamParts) {
    this.#parts = parts
  }

  /** Takes a task along; a promise says that a chunk has to leave first. */
  push(spec: TaskSpec): Promise<void> | undefined {
    const size = payloadSize(spec.payload)
    const full = this.#chunk.length >= CHUNK_TASKS || this.#bytes + size > LIMITS.batchBytes
    if (full && this.#chunk.length > 0) return this.#boardNext(spec, size)
    this.#board(spec, size)
    return undefined
  }

  /** Resolves when what became of each task was told. */
  async end(): Promise<void> {
    if (this.#chunk.length > 0) await this.#depart()
    await Promise.all(this.#flights)
  }

  #board(spec: TaskSpec, size: number): void {
    this.#chunk.push(spec)
    this.#bytes += size
    this.#waits ||= spec.after.length > 0
  }

  async #boardNext(spec: TaskSpec, size: number): Promise<void> {
    await this.#depart()
    // the chunk leaves with this turn, and others get theirs
    await new Promise<void>((resolve) => this.#parts.platform.soon(resolve))
    this.#board(spec, size)
  }

  async #depart(): Promise<void> {
    const specs = this.#chunk
    const groups = specs.map((spec): TaskGroup => ({ tasks: [spec], under: null, gate: null }))
    const batcher = this.#parts.batcherFor(groups)
    // a bulk is never turned away because of its own beginning
    const room = this.#waits || !batcher.hasRoom(groups) ? 0 : FLIGHTS_MAX - 1
    this.#chunk = []
    this.#bytes = 0
    this.#waits = false
    while (this.#flights.size > room) await Promise.race(this.#flights)
    const flight: Promise<void> = this.#fly(specs, batcher, groups).finally(() =>
      this.#flights.delete(flight),
    )
    this.#flights.add(flight)
  }

  async #fly(specs: readonly TaskSpec[], batcher: Batcher, groups: readonly TaskGroup[]): Promise<void> {
    const arrivals = await this.#submitted(batcher, groups)
    for (const [index, spec] of specs.entries()) this.#parts.arrived(spec, arrivals[index]!)
  }

  async #submitted(batcher: Batcher, groups: readonly TaskGroup[]): Promise<readonly Arrival[]> {
    const broken = this.#broken
    if (broken !== undefined) return groups.map(() => broken)
    try {
      const arrivals = await batcher.submit(groups)
      if (arrivals.every(({ outcome }) => outcome === 'failed')) this.#broken = arrivals[0]
      return arrivals
    } catch (error) {
      const failed: Arrival = { outcome: 'failed', error }
      this.#broken = failed
      return groups.map(() => failed)
    }
  }
}
