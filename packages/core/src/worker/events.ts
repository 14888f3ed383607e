/** What a worker tells those who listen. */
import { inNobodysName } from '../platform/attribution.ts'
import type { SchemaChange } from './fingerprints.ts'
import { scheduledBy } from '../task/scheduled.ts'
import type { TaskInfo } from '../task/handler.ts'
import type { Claim, TaskId } from '../store/records.ts'

/** What a worker tells its listeners, by the name that `worker.on` takes. */
export interface WorkerEvents {
  /** A handler was called, for a task that had been due for `waitedMs` when it was claimed. */
  started: { readonly task: TaskInfo; readonly attempt: number; readonly waitedMs: number }
  succeeded: { readonly task: TaskInfo; readonly attempt: number; readonly durationMs: number }
  /** An attempt failed; `willRetryAt` is `null` if it was the last. */
  failed: {
    readonly task: TaskInfo
    readonly attempt: number
    /** 0 if its handler was not called. */
    readonly durationMs: number
    readonly error: unknown
    readonly willRetryAt: Date | null
  }
  /** The isolate that ran it ended: that is no failure of its attempt, which is made again. */
  crashed: { readonly task: TaskInfo; readonly attempt: number; readonly error: unknown }
  cancelled: { readonly task: TaskInfo; readonly attempt: number }
  /** The lease of a running task was lost: somebody else may be running it. */
  lost: { readonly task: TaskInfo; readonly attempt: number }
  /** A running task that nobody looked after was taken over: its worker was gone, or did not let go of it in time. */
  reclaimed: {
    readonly id: TaskId
    readonly type: string
    readonly cause: 'deadline' | 'cancel' | 'lapsed' | 'timeout'
  }
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
  /**
   * The main thread was blocked for about so many milliseconds, at least a second: nothing else happened meanwhile, no timer
   * fired, no other handler went on. By `these` tasks' handlers; or by `one-of-these`, which all ran at that time (who it was
   * is measured for ten minutes then, so that it is known the next time); or by `nobody` of them. Ten are named at most.
   */
  blocked: {
    readonly forMs: number
    readonly by: 'these' | 'one-of-these' | 'nobody'
    readonly tasks: readonly { readonly task: TaskInfo; readonly attempt: number }[]
  }
  /** Its process takes more than its `budget`, or less again: from now on it uses so many slots of `slotsMax`. */
  throttled: {
    readonly slots: number
    readonly slotsMax: number
    readonly memoryMb: number
    readonly cpu: number
  }
  /**
   * At its start: the schema of a definition is another one than workers have published for the same version. What is
   * queued may not fit it; `millrace check FILE` says what.
   */
  schemaChanged: SchemaChange
  /** Something went wrong that is no task's fault; logged if nobody listens. */
  error: { readonly error: unknown; readonly doing: string }
}

/** An event of a worker together with its name. */
export type NamedWorkerEvent = {
  readonly [K in keyof WorkerEvents]: { readonly name: K } & WorkerEvents[K]
}[keyof WorkerEvents]

type Listener<E> = (event: E) => void

export interface EmitterParts {
  /** An error event, and nobody listens. */
  unheard(event: WorkerEvents['error']): void
  /** Runs something by itself, after all that is in motion. */
  soon(run: () => void): void
  /** Hears all events, and is no listener: what nobody else hears is logged all the same. Never throws. */
  readonly overhears: ((event: NamedWorkerEvent) => void) | undefined
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
    return this.#parts.overhears !== undefined || this.#hasListener(name)
  }

  #hasListener(name: keyof WorkerEvents): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  /** A listener that throws is an error event; where that is what throws, an uncaught error, by itself and not in our machinery. */
  emit<K extends keyof WorkerEvents>(name: K, event: WorkerEvents[K]): void {
    const { overhears } = this.#parts
    if (name === 'error' && !this.#hasListener(name)) this.#parts.unheard(event as WorkerEvents['error'])
    if (!this.heard(name)) return
    inNobodysName(() => {
      overhears?.({ ...event, name } as unknown as NamedWorkerEvent)
      for (const listener of this.#listeners.get(name) ?? []) this.#tell(name, event, listener)
    })
  }

  #tell<K extends keyof WorkerEvents>(name: K, event: WorkerEvents[K], listener: Listener<never>): void {
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

/** What handlers and listeners are told about a claim's task. */
export function taskInfo(claim: Claim): TaskInfo {
  const { id, type, queue, partition, after, tags, metadata, headers } = claim
  return { id, type, queue, partition, after, tags, metadata, headers, schedule: scheduledBy(headers) }
}

/** What they are told about a run. */
export function about({ claim }: { readonly claim: Claim }): {
  readonly task: TaskInfo
  readonly attempt: number
} {
  return { task: taskInfo(claim), attempt: claim.counters.failures + 1 }
}
