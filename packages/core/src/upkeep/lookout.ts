/** Looks out for tasks that go wrong by waiting: those that no live worker can run, and those whose time comes. */
import { LIMITS } from '../task/limits.ts'
import type { Connection } from '../client/connection.ts'
import type { DueSoon, SessionRecord, WaitingRoute } from '../store/inspection.ts'
import type { TaskId } from '../store/records.ts'

/** A worker that starts anew is away for a moment. */
const STRANDED_LOOKS = 2

/** A task that is due by then is told of: two looks ahead, and more. */
const AHEAD_MS = 30_000

/** What was enqueued with less time than that may be missed by the time of a look; it is told of all the same. */
const BEHIND_MS = 30_000

export interface LookoutParts {
  readonly connection: Connection
  /** Tasks wait that no live worker can run. */
  stranded(route: WaitingRoute): void
  /** A task waits, and is to be started soon. */
  dueSoon(task: DueSoon): void
}

export class Lookout {
  readonly #parts: LookoutParts
  /** How often in a row each route was found without a worker. */
  readonly #strandedSeen = new Map<string, number>()
  /** Those that were told of. */
  #toldSoon: ReadonlySet<TaskId> = new Set()

  constructor(parts: LookoutParts) {
    this.#parts = parts
  }

  /** Routes may come and go between two looks: one that is stranded twice in a row is told of, once. */
  async lookForStranded(): Promise<void> {
    const { connection } = this.#parts
    const routes = await connection.read((store) => store.waitingRoutes(), 'insists')
    const workers = await connection.read((store) => store.sessions(), 'insists')
    const stranded = new Map(
      routes.filter((route) => !isServed(route, workers)).map((route) => [routeKey(route), route]),
    )
    for (const [key, route] of stranded) {
      const seen = (this.#strandedSeen.get(key) ?? 0) + 1
      this.#strandedSeen.set(key, seen)
      if (seen === STRANDED_LOOKS) this.#parts.stranded(route)
    }
    for (const key of this.#strandedSeen.keys()) if (!stranded.has(key)) this.#strandedSeen.delete(key)
  }

  /** Each task is told of once, as long as looks find it. */
  async lookForDueSoon(): Promise<void> {
    const request = { sinceMs: BEHIND_MS, withinMs: AHEAD_MS, limit: LIMITS.batchTasks }
    const found = await this.#parts.connection.read((store) => store.dueSoon(request), 'insists')
    for (const task of found) if (!this.#toldSoon.has(task.id)) this.#parts.dueSoon(task)
    this.#toldSoon = new Set(found.map(({ id }) => id))
  }
}

function isServed({ queue, type, needs }: WaitingRoute, workers: readonly SessionRecord[]): boolean {
  return workers.some(
    (worker) =>
      worker.queues.includes(queue) &&
      worker.types.includes(type) &&
      needs.every((need) => worker.offers.includes(need)),
  )
}

function routeKey({ queue, type, needs }: WaitingRoute): string {
  return JSON.stringify([queue, type, needs])
}
