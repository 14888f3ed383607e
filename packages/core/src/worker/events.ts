/** What a worker tells those who listen. */
import type { TaskInfo } from '../task/handler.ts'
import type { Claim } from '../store/records.ts'

export interface WorkerEvents {
  /** A handler was called. */
  started: { readonly task: TaskInfo; readonly attempt: number }
  succeeded: { readonly task: TaskInfo; readonly attempt: number; readonly durationMs: number }
  /** An attempt failed; `willRetryAt` is `null` if it was the last. */
  failed: { readonly task: TaskInfo; readonly attempt: number; readonly error: unknown; readonly willRetryAt: Date | null }
  cancelled: { readonly task: TaskInfo; readonly attempt: number }
  /** The lease of a running task was lost: somebody else may be running it. */
  lost: { readonly task: TaskInfo; readonly attempt: number }
  /** Something went wrong that is no task's fault; logged if nobody listens. */
  error: { readonly error: unknown; readonly doing: string }
}

type Listener<E> = (event: E) => void

export class WorkerEmitter {
  readonly #listeners = new Map<keyof WorkerEvents, Set<Listener<never>>>()

  on<K extends keyof WorkerEvents>(name: K, listener: Listener<WorkerEvents[K]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  /** Whether anybody listens: events are not even made otherwise. */
  heard(name: keyof WorkerEvents): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  /** A listener that throws is an error event, and an uncaught error where that is what throws. */
  emit<K extends keyof WorkerEvents>(name: K, event: WorkerEvents[K]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        ;(listener as Listener<WorkerEvents[K]>)(event)
      } catch (error) {
        if (name === 'error') throw error
        this.emit('error', { error, doing: `a listener of '${name}'` })
      }
    }
  }
}

/** What handlers and listeners are told about a claim's task. */
export function taskInfo(claim: Claim): TaskInfo {
  const { id, type, queue, after, tags, metadata, headers } = claim
  return { id, type, queue, after, tags, metadata, headers }
}
