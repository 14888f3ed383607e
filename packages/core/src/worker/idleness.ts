/**
 * When a worker that runs until it is idle may end: when nothing is left to claim, and nobody else runs what may
 * come back: a worker that died, or is about to return what it has not finished.
 */
import { pause } from '../client/repeat.ts'
import type { Connection } from '../client/connection.ts'
import type { Store } from '../store/port.ts'

/** While others run something the store is asked so often. */
const ASK_EVERY_MS = 250

/** Running tasks that one read is about; most of the time the first says enough. */
const LOOK_TASKS = 100

export interface IdlenessParts {
  readonly connection: Connection
  /** Task types that the worker runs. */
  readonly types: ReadonlySet<string>
  readonly queues: ReadonlySet<string>
  /** Claims once more. */
  again(): void
  failed(error: unknown): void
}

export class Idleness {
  readonly #parts: IdlenessParts
  readonly #over = Promise.withResolvers<void>()
  #others: 'unknown' | 'asked for' | 'idle' = 'unknown'

  constructor(parts: IdlenessParts) {
    this.#parts = parts
  }

  /** Resolves when nothing is left. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  /** The worker has something to do. */
  busy(): void {
    if (this.#others === 'idle') this.#others = 'unknown'
  }

  /**
   * The worker holds nothing, and has found nothing to claim, now or in sight. It is over if that was so after
   * the others were seen idle: what they gave back before that would have been found.
   */
  nothingLeft(): void {
    if (this.#others === 'idle') this.#over.resolve()
    else if (this.#others === 'unknown') void this.#ask()
  }

  async #ask(): Promise<void> {
    this.#others = 'asked for'
    const run = await this.#othersRun()
    if (run) await pause(this.#parts.connection.platform, ASK_EVERY_MS)
    this.#others = run ? 'unknown' : 'idle'
    this.#parts.again()
  }

  async #othersRun(): Promise<boolean> {
    const { connection } = this.#parts
    try {
      return await connection.read((store) => this.#anyRunning(store), 'insists')
    } catch (error) {
      this.#parts.failed(error)
      return true
    }
  }

  async #anyRunning(store: Store): Promise<boolean> {
    const { types, queues } = this.#parts
    const filter = { states: ['running'], type: onlyOf(types), queue: onlyOf(queues) } as const
    let cursor: string | null = null
    do {
      const page = await store.list({ filter, limit: LOOK_TASKS, cursor })
      if (page.tasks.some(({ type, queue }) => types.has(type) && queues.has(queue))) return true
      cursor = page.next
    } while (cursor !== null)
    return false
  }
}

function onlyOf(names: ReadonlySet<string>): string | undefined {
  return names.size === 1 ? [...names][0] : undefined
}
