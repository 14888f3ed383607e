/**
 * Group commit: concurrent enqueues share the round trip that is about to leave. A lone one leaves at once;
 * nothing ever waits for a batch to fill. Callers share the trip, not their fate: each group is answered by
 * itself.
 */
import { LIMITS } from '../task/limits.ts'
import { payloadSize } from '../task/codec.ts'
import { ambiguous, growingWaits, pause, silent } from './repeat.ts'
import type { Account } from './account.ts'
import type { Load } from '../policy/budgets.ts'
import type { Platform, Timer } from '../platform/platform.ts'
import type { GroupAnswer, Store, TaskGroup } from '../store/port.ts'

/** While one batch is being written the next may already be on its way. */
const TRIPS_MAX = 2

/** So many callers who wait at once are worth two trips, where they would else take turns with the store. */
const CROWD = 16

/** Those whose time is over at about the same time are told so together. */
const EXPIRY_STEP_MS = 50

/**
 * Brings groups to the store, for good or ill.
 *
 * @param again whether any of them may have been there before
 */
export type Send = (groups: readonly TaskGroup[], again: boolean) => Promise<readonly GroupAnswer[]>

/** What became of a group: the store's answer, or why there is none. */
export type Arrival = GroupAnswer | { readonly outcome: 'failed'; readonly error: unknown }

export interface BatcherParts {
  readonly send: Send
  readonly store: Pick<Store, 'calls' | 'inStages'>
  readonly platform: Platform
  /** What may be under way before callers are turned away; shared with whoever else sends. */
  readonly account: Account
  /** Nobody waits longer for what becomes of a group. */
  readonly timeoutMs: number
}

/** One caller's groups. They travel together; each has its own fate. */
interface Passenger extends Load {
  readonly groups: readonly TaskGroup[]
  readonly again: boolean
  readonly endMs: number
  /** Only the first word counts. */
  readonly arrive: (arrivals: readonly Arrival[]) => void
}

export class Batcher {
  readonly #parts: BatcherParts
  #waiting: Passenger[] = []
  /** No Set: it would keep what it held, see `Roster`. */
  #trips: readonly (readonly Passenger[])[] = []
  #departing = false
  #expiry: { readonly timer: Timer; readonly atMs: number } | undefined

  constructor(parts: BatcherParts) {
    this.#parts = parts
  }

  /**
   * Adds groups with the next trip: at most what one request may carry. Groups that met a lock are tried again
   * while there is patience, at nobody else's cost.
   *
   * @param sinceMs since when the caller has been waiting, by the monotonic clock, if not only now
   * @throws BackpressureError if too much is under way
   */
  submit(groups: readonly TaskGroup[], sinceMs?: number): Promise<readonly Arrival[]> {
    const { account, platform, timeoutMs } = this.#parts
    const load = loadOf(groups)
    return new Promise((resolve) => {
      account.take(load)
      const endMs = (sinceMs ?? platform.monotonicMs()) + timeoutMs
      const over = (arrivals: readonly Arrival[]): void => {
        account.giveBack(load)
        resolve(arrivals)
      }
      let told = false
      const arrive = (arrivals: readonly Arrival[]): void => {
        if (told) return
        told = true
        if (arrivals.some(isBusy)) void this.#waitOut(groups, arrivals, endMs).then(over)
        else over(arrivals)
      }
      this.#wait({ groups, tasks: load.tasks, bytes: load.bytes, again: false, endMs, arrive })
      // the trip itself would tell it in its own time
      if (sinceMs !== undefined) this.#watchTheTime(endMs)
    })
  }

  /** Those who wait for a trip are told this instead. */
  refuseWaiting(error: unknown): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const passenger of waiting) fail(passenger, error)
  }

  /** Whether all these would be taken now. */
  hasRoom(groups: readonly TaskGroup[]): boolean {
    return this.#parts.account.hasRoom(loadOf(groups))
  }

  /**
   * Groups that met a lock go again, and with them those that missed a parent: it may be one of the former. An
   * earlier request may still be on its way to the store, whatever a later one was answered.
   */
  async #waitOut(
    groups: readonly TaskGroup[],
    first: readonly Arrival[],
    endMs: number,
  ): Promise<readonly Arrival[]> {
    const { platform } = this.#parts
    const arrivals = [...first]
    for (const waitMs of growingWaits(platform)) {
      if (!arrivals.some(isBusy) || platform.monotonicMs() + waitMs >= endMs) break
      await pause(platform, waitMs)
      const open = [...arrivals.keys()].filter(
        (index) => isBusy(arrivals[index]!) || missesParent(arrivals[index]!),
      )
      const answers = await this.#rideAgain(
        open.map((index) => groups[index]!),
        endMs,
      )
      for (const [at, index] of open.entries()) arrivals[index] = answers[at]!
    }
    return arrivals
  }

  #rideAgain(groups: readonly TaskGroup[], endMs: number): Promise<readonly Arrival[]> {
    return new Promise((arrive) => {
      // a trip has as much time as the youngest of its passengers
      this.#watchTheTime(endMs)
      this.#wait({ groups, ...loadOf(groups), again: true, endMs, arrive })
    })
  }

  #wait(passenger: Passenger): void {
    this.#waiting.push(passenger)
    this.#departSoon()
  }

  /** Leaves at the end of this turn of the microtask queue, so that callers of the same moment get on. */
  #departSoon(): void {
    if (this.#departing) return
    if (this.#trips.length >= TRIPS_MAX) return this.#watchTheTime(this.#waiting[0]!.endMs)
    this.#departing = true
    void Promise.resolve().then(() => this.#depart(this.#half()))
  }

  /** Leaves when the trip before has been sent: the store is at work on that one by then. */
  #departBehind(): void {
    if (this.#departing) return
    if (this.#trips.length >= TRIPS_MAX) return this.#watchTheTime(this.#waiting[0]!.endMs)
    this.#departing = true
    this.#parts.platform.soon(() => this.#depart(Infinity))
  }

  #depart(passengersMax: number): void {
    this.#departing = false
    const passengers = this.#board(passengersMax)
    if (passengers.length === 0) return
    this.#trips = [...this.#trips, passengers]
    void this.#travel(passengers).then(() => {
      this.#trips = this.#trips.filter((trip) => trip !== passengers)
      if (this.#waiting.length > 0) this.#departSoon()
    })
    if (this.#waiting.length > 0) this.#departBehind()
  }

  /**
   * Callers who come back when they are answered would travel together for ever, so that this process and the store
   * take turns instead of working at the same time. Therefore half of a crowd goes ahead.
   */
  #half(): number {
    const { length } = this.#waiting
    const { calls, inStages = false } = this.#parts.store
    const inTurn = calls === 'in order' || inStages
    return inTurn && this.#trips.length === 0 && length >= CROWD ? Math.ceil(length / 2) : length
  }

  /** As many of those who wait as may, and as one request may carry, but at least one. */
  #board(passengersMax: number): Passenger[] {
    let tasks = 0
    let bytes = 0
    let count = 0
    for (const passenger of this.#waiting) {
      tasks += passenger.tasks
      bytes += passenger.bytes
      if (count > 0 && (tasks > LIMITS.batchTasks || bytes > LIMITS.batchBytes)) break
      if (count === passengersMax) break
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
      const groups = passengers.flatMap((passenger) => passenger.groups)
      const again = passengers.some((passenger) => passenger.again)
      const answers = await this.#parts.send(groups, again)
      let from = 0
      for (const passenger of passengers)
        passenger.arrive(answers.slice(from, (from += passenger.groups.length)))
    } catch (error) {
      for (const passenger of passengers) fail(passenger, error)
    }
  }

  /** Who leaves at once is told by the trip itself; who has to wait is looked after, and all that travels meanwhile. */
  #watchTheTime(endMs: number): void {
    if (this.#expiry !== undefined && this.#expiry.atMs <= endMs) return
    this.#expiry?.timer.cancel()
    const waitMs = Math.max(EXPIRY_STEP_MS, endMs - this.#parts.platform.monotonicMs())
    const timer = this.#parts.platform.setTimer(waitMs, () => this.#expire(), 'idle')
    this.#expiry = { timer, atMs: endMs }
  }

  /** Tells those whose time is over. What travels cannot be called back. */
  #expire(): void {
    const { platform, timeoutMs } = this.#parts
    const nowMs = platform.monotonicMs()
    let nextMs = Infinity
    const expire = (passenger: Passenger, effect: 'none' | 'unknown'): boolean => {
      if (passenger.endMs > nowMs) nextMs = Math.min(nextMs, passenger.endMs)
      else
        fail(passenger, effect === 'none' ? silent(timeoutMs, effect) : ambiguous(silent(timeoutMs, effect)))
      return passenger.endMs <= nowMs
    }
    for (const passengers of this.#trips) for (const passenger of passengers) expire(passenger, 'unknown')
    this.#waiting = this.#waiting.filter((passenger) => !expire(passenger, 'none'))
    this.#expiry = undefined
    if (nextMs !== Infinity) this.#watchTheTime(nextMs)
  }
}

function fail({ groups, arrive }: Passenger, error: unknown): void {
  arrive(groups.map(() => ({ outcome: 'failed', error })))
}

function loadOf(groups: readonly TaskGroup[]): Load {
  let tasks = 0
  let bytes = 0
  for (const group of groups) {
    tasks += group.tasks.length
    for (const task of group.tasks) bytes += payloadSize(task.payload)
  }
  return { tasks, bytes }
}

function isBusy(arrival: Arrival): boolean {
  return arrival.outcome === 'busy'
}

function missesParent(arrival: Arrival): boolean {
  return arrival.outcome === 'rejected' && arrival.rejection.code === 'unknown-parent'
}
