/** In which queues tasks are: what a credential may do with a task is a matter of that. */
import { systemPlatform, type Platform } from '@millrace/core'
import type { Store, TaskId } from '@millrace/core/store'

/** So many tasks are known without a look into the store. */
const KNOWN_MAX = 100_000
/** When nothing is left of a task, not even its tombstone, its id may become that of a task in another queue. */
const FRESH_MS = 10_000
/** Tasks may be large: so many are read at a time. */
const READ_AT_ONCE = 20

interface Known {
  readonly queue: string
  readonly atMs: number
}

export class TaskQueues {
  readonly #store: Store
  readonly #platform: Pick<Platform, 'monotonicMs'>
  /** The latest are the last. What was known of a task counts for as long as the store does not hold it. */
  readonly #known = new Map<TaskId, Known>()

  constructor(store: Store, platform: Pick<Platform, 'monotonicMs'> = systemPlatform) {
    this.#store = store
    this.#platform = platform
  }

  /**
   * In the order of the ids; `undefined`: the store does not hold it, and it was never seen there.
   *
   * @param how `now`: for who changes them; `lately`: for who asks again and again
   */
  async of(ids: readonly TaskId[], how: 'now' | 'lately'): Promise<readonly (string | undefined)[]> {
    const sinceMs = how === 'now' ? Infinity : this.#platform.monotonicMs() - FRESH_MS
    const stale = ids.filter((id) => !((this.#known.get(id)?.atMs ?? -Infinity) > sinceMs))
    const found = new Map<TaskId, string>()
    for (let from = 0; from < stale.length; from += READ_AT_ONCE)
      for (const record of await this.#store.get(stale.slice(from, from + READ_AT_ONCE)))
        if (record !== null) found.set(record.id, record.queue)
    const queues = ids.map((id) => found.get(id) ?? this.#known.get(id)?.queue)
    for (const [id, queue] of found) this.note(id, queue)
    return queues
  }

  /** The task is there, and in this queue. */
  note(id: TaskId, queue: string): void {
    this.#known.delete(id)
    this.#known.set(id, { queue, atMs: this.#platform.monotonicMs() })
    if (this.#known.size <= KNOWN_MAX) return
    const [oldest] = this.#known.keys()
    this.#known.delete(oldest!)
  }
}
