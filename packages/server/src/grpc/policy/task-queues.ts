/** In which queues tasks are: what a credential may do with a task is a matter of that. */
import type { Store, TaskId } from '@millrace/core/store'

/** So many tasks are known without a look into the store. */
const KNOWN_MAX = 100_000

export class TaskQueues {
  readonly #store: Store
  /** A task never changes its queue. The latest are the last. */
  readonly #known = new Map<TaskId, string>()

  constructor(store: Store) {
    this.#store = store
  }

  /** In the order of the ids; `undefined`: the store does not hold it. */
  async of(ids: readonly TaskId[]): Promise<readonly (string | undefined)[]> {
    const unknown = ids.filter((id) => !this.#known.has(id))
    const found = new Map<TaskId, string>()
    if (unknown.length > 0)
      for (const record of await this.#store.get(unknown))
        if (record !== null) found.set(record.id, record.queue)
    const queues = ids.map((id) => found.get(id) ?? this.#known.get(id))
    for (const [id, queue] of found) this.note(id, queue)
    return queues
  }

  /** The task is there, and in this queue. */
  note(id: TaskId, queue: string): void {
    this.#known.delete(id)
    this.#known.set(id, queue)
    if (this.#known.size <= KNOWN_MAX) return
    const [oldest] = this.#known.keys()
    this.#known.delete(oldest!)
  }
}
