import type { AnyTask } from './definition.ts'
import type { Duration } from './duration.ts'
import { reading } from './members.ts'
import type { SharedOptions, UniqueCall } from './options.ts'
import type { IfFailed, TaskId } from '../store/records.ts'

/** What stands for a task in `after`: a draft, a handle, or an id. */
export type TaskReference = { readonly id: TaskId | undefined } | TaskId

/** A task that must end before another starts; with `ifFailed` where it should be said what its failure means. */
export type Dependency =
  | TaskReference
  | {
      readonly task: TaskReference
      /**
       * When the parent fails or is cancelled: cancel this one too (`cancel`, the default), fail it, or run it anyway.
       * `trigger`: this one is there for that. It waits for the first of such parents to fail or be cancelled, and is
       * cancelled once all of them have succeeded.
       */
      readonly ifFailed?: IfFailed | undefined
    }

/** Options of one enqueue; they go before those of the definition. */
export type EnqueueOptions = EnqueueCommon & Due

interface EnqueueCommon extends SharedOptions {
  /** A UUID. It names one task for good: enqueuing it again with the same input answers the task that is there. Default: a new one. */
  readonly id?: TaskId | undefined
  /** Tasks that must end before this one starts: 50 000 at most. Default: none. */
  readonly after?: readonly Dependency[] | undefined
  /** Its key, of which there is one task at a time. Default: the definition's. */
  readonly unique?: UniqueCall | undefined
  /** Created held: not started until released. Default `false`. */
  readonly held?: boolean | undefined
  /** Whose it is: partitions take turns. Any text of at most 512 bytes. Default: what the definition makes of the input. */
  readonly partition?: string | undefined
  /** Inside its priority and partition the earliest comes first; it stands in line as if it had fallen due so long after its enqueue. */
  readonly dueBy?: Duration | undefined
  /**
   * What its worker had better offer, the best first: at most 8 offers, as regions. Others get it when nobody better took
   * it for a while. Default: nothing.
   */
  readonly prefers?: readonly string[] | undefined
  /** After how long it goes to the next best, and at last to anybody. Default 10 s. */
  readonly spillAfter?: Duration | undefined
  /** What a worker must offer to run it. Default: nothing. */
  readonly needs?: readonly string[] | undefined
  /** Names to find it by: 100 at most. */
  readonly tags?: readonly string[] | undefined
  /** Kept with the task and shown, never interpreted: 16 KiB at most. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** For middleware (tracing and the like): 16 KiB at most. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** Options of an enqueue that has none: nobody needs to look at them. */
export const NO_OPTIONS: EnqueueOptions = {}

/** When it is due: at once, unless one of these is given. */
type Due =
  /** So long after the store took it. */
  | { readonly delay?: Duration | undefined; readonly runAt?: undefined }
  /** At a point in time (a number: milliseconds since 1970), by the store's clock. */
  | { readonly runAt?: Date | number | undefined; readonly delay?: undefined }

/** A task to be, for bulk enqueues and graphs: drafts may name each other in `after`. */
export class Draft<D extends AnyTask = AnyTask> {
  /** Tells a draft by structure, whichever copy of the library made it. */
  readonly '~draft' = true
  readonly task: D
  readonly input: D['~task']['input']
  readonly options: EnqueueOptions
  /** Given by the options, or when it is enqueued; enqueuing the same draft again names the same task. */
  id: TaskId | undefined

  constructor(task: D, input: D['~task']['input'], options: EnqueueOptions) {
    this.task = task
    this.input = input
    this.options = options
    this.id = reading('The options of a draft', () => options.id)
  }
}
