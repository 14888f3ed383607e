/**
 * What a worker and its hearts share beside messages, so that the worker sees it while it is in the middle of
 * something: since when the lease of a session was renewed, how long the worker may be blocked, whether there is
 * news, and which of the hearts beats.
 */

/** A moment, by both clocks: a machine that sleeps stops the first. */
export interface Moment {
  readonly monotonicMs: number
  readonly wallMs: number
}

const MONOTONIC = 0
const WALL = 1
const MAX_BLOCK = 2
const NEWS = 3
const RENEWALS = 4
const BEATER = 5

/** The heart on the worker's own thread, or the one on another, which takes over as soon as it is there. */
export type Beater = 'near' | 'far'

export class Pulse {
  readonly buffer: SharedArrayBuffer
  readonly #words: BigInt64Array<SharedArrayBuffer>

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(48)) {
    this.buffer = buffer
    this.#words = new BigInt64Array(buffer)
  }

  /**
   * Start of the last renewal that was answered, by the worker's clocks. Whoever reads while it is being written gets
   * one clock of the last time, which is trusted for less.
   */
  get renewedAt(): Moment {
    return { monotonicMs: this.#read(MONOTONIC), wallMs: this.#read(WALL) }
  }

  set renewedAt({ monotonicMs, wallMs }: Moment) {
    this.#write(MONOTONIC, monotonicMs)
    this.#write(WALL, wallMs)
  }

  /** How long the worker may be silent before its lease is left to lapse. */
  get maxBlockMs(): number {
    return this.#read(MAX_BLOCK)
  }

  set maxBlockMs(ms: number) {
    this.#write(MAX_BLOCK, Math.min(ms, Number.MAX_SAFE_INTEGER))
  }

  /** Grows with each message to the worker, behind it. */
  get news(): number {
    return this.#read(NEWS)
  }

  announce(): void {
    Atomics.add(this.#words, NEWS, 1n)
  }

  /**
   * The number of the next renewal, whoever sends it. One that was given up shares it with the next: it may arrive
   * later and would not list what is claimed meanwhile, so the store is to count the two as one.
   */
  get nextRenewal(): number {
    return this.#read(RENEWALS) + 1
  }

  /** A renewal with this number was answered. */
  renewed(number: number): void {
    Atomics.store(this.#words, RENEWALS, BigInt(number))
  }

  get beater(): Beater {
    return this.#read(BEATER) === 0 ? 'near' : 'far'
  }

  takeOver(): void {
    this.#write(BEATER, 1)
  }

  #read(index: number): number {
    return Number(Atomics.load(this.#words, index))
  }

  /** In whole milliseconds, never later than it was. */
  #write(index: number, ms: number): void {
    Atomics.store(this.#words, index, BigInt(Math.floor(ms)))
  }
}
