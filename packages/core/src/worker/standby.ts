/** What was claimed and waits for a slot. Each queue has slots of its own, so one may overtake another. */
import type { Connection } from '../client/connection.ts'
import type { Timer } from '../platform/platform.ts'
import type { AnyHandler } from '../task/handler.ts'
import { Batch, type Unit } from './batch.ts'
import type { Slots } from './slots.ts'

/** What was claimed ahead and is not started by then goes back: another worker may have time for it. */
export const STANDBY_MAX_MS = 250

export interface StandbyParts {
  readonly connection: Connection
  readonly slots: Pick<Slots, 'queues'>
  /** The first has waited for too long. */
  tooLong(): void
}

/** A queue's units. */
interface Lane {
  waiting: number
  busy: number
}

export class Standby {
  readonly #parts: StandbyParts
  readonly #lanes: ReadonlyMap<string, Lane>
  readonly #units: Unit[] = []
  #timer: Timer | undefined

  constructor(parts: StandbyParts) {
    this.#parts = parts
    this.#lanes = new Map(Array.from(parts.slots.queues.keys(), (queue) => [queue, { waiting: 0, busy: 0 }]))
  }

  /** How many wait. */
  get size(): number {
    return this.#units.length
  }

  /** How many of a queue wait or are busy. */
  loadOf(queue: string): number | undefined {
    const lane = this.#lanes.get(queue)
    return lane === undefined ? undefined : lane.waiting + lane.busy
  }

  /** Whether a batch of the handler waits. */
  hasBatchOf(handler: AnyHandler): boolean {
    return this.#units.some((unit) => unit instanceof Batch && unit.handler === handler)
  }

  add(units: readonly Unit[]): void {
    for (const unit of units) this.#laneOf(unit).waiting += 1
    this.#units.push(...units)
  }

  /** The first whose queue has a slot to spare. */
  take(): Unit | undefined {
    const index = this.#units.findIndex((unit) => this.#hasSlot(unit))
    if (index < 0) return undefined
    const unit = index === 0 ? this.#units.shift()! : this.#units.splice(index, 1)[0]!
    this.#laneOf(unit).waiting -= 1
    return unit
  }

  takeAll(): readonly Unit[] {
    const units = this.#units.splice(0)
    for (const unit of units) this.#laneOf(unit).waiting -= 1
    return units
  }

  /** It has a slot of its queue. */
  begin(unit: Unit): void {
    this.#laneOf(unit).busy += 1
  }

  end(unit: Unit): void {
    this.#laneOf(unit).busy -= 1
  }

  /** Claiming ahead was a guess that tasks stay short. Where it was wrong, what waits is to be given back. */
  watch(): void {
    if (this.#timer !== undefined || this.#units.length === 0) return
    const head = this.#units[0]
    this.#timer = this.#parts.connection.platform.setTimer(
      STANDBY_MAX_MS,
      () => {
        this.#timer = undefined
        if (this.#units.length === 0) return
        if (this.#units[0] === head) this.#parts.tooLong()
        else this.watch()
      },
      'idle',
    )
  }

  close(): void {
    this.#timer?.cancel()
  }

  #hasSlot(unit: Unit): boolean {
    return this.#laneOf(unit).busy < this.#parts.slots.queues.get(queueOf(unit))!
  }

  #laneOf(unit: Unit): Lane {
    return this.#lanes.get(queueOf(unit))!
  }
}

function queueOf(unit: Unit): string {
  return unit instanceof Batch ? unit.queue : unit.claim.queue
}
