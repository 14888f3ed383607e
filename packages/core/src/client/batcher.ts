/**
 * Group commit: concurrent enqueues share the round trip that is about to leave. A lone one leaves at once;
 * nothing ever waits for a batch to fill. Callers share the trip, not their fate: each group is answered by
 * itself.
 */
import { BackpressureError, ClosedError } from '../task/errors.ts'
import { LIMITS } from '../task/limits.ts'
import { payloadSize } from '../task/codec.ts'
import type { GroupAnswer, TaskGroup } from '../store/port.ts'

/** While one batch is being written the next may already be on its way. */
const TRIPS_MAX = 2

/** Brings groups to the store, for good or ill. */
export type Send = (groups: readonly TaskGroup[]) => Promise<readonly GroupAnswer[]>

/** One caller's groups. They travel together; each has its own fate. */
interface Passenger {
  readonly groups: readonly TaskGroup[]
  readonly tasks: number
  readonly bytes: number
  readonly resolve: (answers: readonly GroupAnswer[]) => void
  readonly reject: (error: unknown) => void
}

export class Batcher {
  readonly #send: Send
  readonly #pendingMax: number
  #waiting: Passenger[] = []
  #pendingTasks = 0
  #trips = 0
  #departing = false
  #closed = false
  #drained: (() => void) | undefined

  /** @param pendingMax how many tasks may be under way before callers are turned away */
  constructor(send: Send, pendingMax: number) {
    this.#send = send
    this.#pendingMax = pendingMax
  }

  /**
   * Adds groups with the next trip: at most what one request may carry.
   *
   * @throws BackpressureError if too many tasks are under way, ClosedError after `close`
   */
  submit(groups: readonly TaskGroup[]): Promise<readonly GroupAnswer[]> {
    if (this.#closed) return Promise.reject(new ClosedError())
    let tasks = 0
    let bytes = 0
    for (const group of groups) {
      tasks += group.tasks.length
      for (const task of group.tasks) bytes += payloadSize(task.payload)
    }
    if (this.#pendingTasks + tasks > this.#pendingMax) return Promise.reject(this.#full())
    this.#pendingTasks += tasks
    return new Promise((resolve, reject) => {
      this.#waiting.push({ groups, tasks, bytes, resolve, reject })
      this.#departSoon()
    })
  }

  /** Takes nothing more, and resolves when all that is under way has been answered. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#pendingTasks > 0) await new Promise<void>((resolve) => (this.#drained = resolve))
  }

  /** Leaves at the end of this turn of the microtask queue, so that callers of the same moment get on. */
  #departSoon(): void {
    if (this.#departing || this.#trips >= TRIPS_MAX) return
    this.#departing = true
    void Promise.resolve().then(() => {
      this.#departing = false
      this.#depart()
    })
  }

  #depart(): void {
    const passengers = this.#board()
    if (passengers.length === 0) return
    this.#trips += 1
    void this.#travel(passengers).then(() => {
      this.#trips -= 1
      if (this.#waiting.length > 0) this.#departSoon()
      if (this.#pendingTasks === 0) this.#drained?.()
    })
    if (this.#waiting.length > 0) this.#departSoon()
  }

  /** As many of those who wait as one request may carry, at least one. */
  #board(): Passenger[] {
    let tasks = 0
    let bytes = 0
    let count = 0
    for (const passenger of this.#waiting) {
      tasks += passenger.tasks
      bytes += passenger.bytes
      if (count > 0 && (tasks > LIMITS.batchTasks || bytes > LIMITS.batchBytes)) break
      count += 1
    }
    if (count === this.#waiting.length) {
      const all = this.#waiting
      this.#waiting = []
      return all
    }
    return this.#waiting.splice(0, count)
  }

  async #travel(passengers: readonly Passenger[]): Promise<void> {
    try {
      const answers = await this.#send(passengers.flatMap((passenger) => passenger.groups))
      let from = 0
      for (const passenger of passengers) {
        this.#pendingTasks -= passenger.tasks
        passenger.resolve(answers.slice(from, (from += passenger.groups.length)))
      }
    } catch (error) {
      for (const passenger of passengers) {
        this.#pendingTasks -= passenger.tasks
        passenger.reject(error)
      }
    }
  }

  #full(): BackpressureError {
    return new BackpressureError(`${this.#pendingTasks} tasks are waiting to be written (maxPending is ${this.#pendingMax}).`, {
      hint: 'Await earlier enqueues before starting more, use enqueueMany, or raise maxPending.',
    })
  }
}
