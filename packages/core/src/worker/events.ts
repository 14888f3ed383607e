/** What a worker tells those who listen. */
import { scheduledBy } from '../task/scheduled.ts'
import type { TaskInfo } from '../task/handler.ts'
import type { Claim, TaskId } from '../store/records.ts'

export interface WorkerEvents {
  /** A handler was called. */
  started: { readonly task: TaskInfo; readonly attempt: number }
  succeeded: { readonly task: TaskInfo; readonly attempt: number; readonly durationMs: number }
  /** An attempt failed; `willRetryAt` is `null` if it was the last. */
  failed: {
    readonly task: TaskInfo
    readonly attempt: number
    readonly error: unknown
    readonly willRetryAt: Date | null
  }
  cancelled: { readonly task: TaskInfo; readonly attempt: number }
  /** The lease of a running task was lost: somebody else may be running it. */
  lost: { readonly task: TaskInfo; readonly attempt: number }
  /**
   * Tasks are due, and no live worker serves them: none of their queue that handles the type and offers what they need.
   * Once for each such kind, as long as that lasts.
   */
  stranded: {
    readonly queue: string
    readonly type: string
    readonly needs: readonly string[]
    readonly since: Date
  }
  /**
   * A task waits that is to be started by `dueBy`, at most 30 s from now: told at least 15 s ahead of tasks that had so
   * much time, and up to 1 000 of them at a time. Once for each task as long as it waits.
   */
  dueSoon: { readonly id: TaskId; readonly queue: string; readonly type: string; readonly dueBy: Date }
  /** Something went wrong that is no task's fault; logged if nobody listens. */
  error: { readonly error: unknown; readonly doing: string }
}

type Listener<E> = (event: E) => void

export interface EmitterParts {
  /** An error event, and nobody listens. */
  unheard(event: WorkerEvents['error']): void
  /** Runs something by itself, after all that is in motion. */
  soon(run: () => void): void
}

export class WorkerEmitter {
  readonly #parts: EmitterParts
  readonly #listeners = new Map<keyof WorkerEvents, Set<Listener<never>>>()

  constructor(parts: EmitterParts) {
    this.#parts = parts
  }

  on<K extends keyof WorkerEvents>(name: K, listener: Listener<WorkerEvents[K]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  /** Whether anybody listens: events are not even made otherwise. */
  heard(name: keyof WorkerEvents): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  /** A listener that throws is an error event; where that is what throws, an uncaught error, by itself and not in our machinery. */
  emit<K extends keyof WorkerEvents>(name: K, event: WorkerEvents[K]): void {
    if (name === 'error' && !this.heard(name)) this.#parts.unheard(event as WorkerEvents['error'])
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        ;(listener as Listener<WorkerEvents[K]>)(event)
      } catch (error) {
        if (name !== 'error') this.emit('error', { error, doing: `a listener of '${name}'` })
        else
          this.#parts.soon(() => {
            throw error
          })
      }
    }
  }
}

/** What handlers and listeners are told about a claim's task. */
export function taskInfo(claim: Claim): TaskInfo {
  const { id, type, queue, partition, after, tags, metadata, headers } = claim
  return { id, type, queue, partition, after, tags, metadata, headers, schedule: scheduledBy(headers) }
}
