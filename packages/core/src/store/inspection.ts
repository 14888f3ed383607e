/** Inspection: what readers see. Nothing here changes anything. */
import type { TaskId, TaskOutcome, TaskRecord, TaskSummary } from './records.ts'
import type { TaskFilter } from './control.ts'
import type { PublishedDefinition, Retention, SessionOrder, SessionRequest } from './port.ts'

/** The part of a store that only reads. */
export interface Inspection {
  /** `null` for what the store does not hold. At most 1 000 ids. */
  get(ids: readonly TaskId[]): Promise<readonly (TaskRecord | null)[]>
  /**
   * What became of tasks, for waits: cheap enough to ask often. `null` for what the store does not hold;
   * a tombstone still answers its state. The first is answered whatever its size; from where the results would
   * exceed `bytesMax`, `later`: ask again.
   * At most 1 000 ids.
   */
  outcomes(request: {
    readonly ids: readonly TaskId[]
    readonly bytesMax: number
  }): Promise<readonly (TaskOutcome | 'later' | null)[]>
  /**
   * Newest first: final tasks by their end where all asked states are final, else by arrival (a store may
   * have another order where live ones are asked for too). A task that matches throughout and stays in its
   * state appears exactly once; one that moves on meanwhile may be missed, or appear in either state. Filters
   * beyond state are tested while scanning, so a page may be short, or empty, and still carry a cursor; `next`
   * is `null` at the end.
   */
  list(request: ListRequest): Promise<ListAnswer>
  /** Queues that have tasks or settings, by name. Counts are exact at one moment, and may cost a scan. */
  queues(): Promise<readonly QueueRecord[]>
  /**
   * What is due and stands in line, by queue, type and needs: each once, with the time since which its first task
   * (by due time; a store may take another that stands at the head of a lane) has been due. It looks at heads only.
   */
  waitingRoutes(): Promise<readonly WaitingRoute[]>
  /**
   * Tasks that neither run nor have ended, and that are to be started (`dueBy`) between `sinceMs` ago and `withinMs`
   * from now, both included; the earliest first.
   */
  dueSoon(request: DueSoonRequest): Promise<readonly DueSoon[]>
  /** Where one task stands, as far as only its store can tell; `null` if the store does not hold it. */
  standing(request: StandingRequest): Promise<Standing | null>
  /** Those whose lease holds. */
  sessions(): Promise<readonly SessionRecord[]>
  /** The latest of each type. */
  definitions(): Promise<readonly PublishedDefinition[]>
  /** Store time. */
  now(): Promise<number>
}

/** Which tasks are listed, and which page of them. */
export interface ListRequest {
  readonly filter: TaskFilter
  readonly limit: number
  readonly cursor: string | null
  /**
   * Only what ended at that time or later. Given only where all asked states are final: the list ends there, and nobody
   * looks at what is older.
   */
  readonly endedSince?: number | undefined
}

/** A page of tasks; `next` is where the following one begins. */
export interface ListAnswer {
  readonly tasks: readonly TaskSummary[]
  readonly next: string | null
}

/** A kind of task that is due, and since when: what a worker would have to serve, handle and offer. */
export interface WaitingRoute {
  readonly queue: string
  readonly type: string
  readonly needs: readonly string[]
  readonly dueSince: number
}

/** Tasks whose `dueBy` comes near are asked for. */
export interface DueSoonRequest {
  readonly sinceMs: number
  readonly withinMs: number
  /** At most 1 000. */
  readonly limit: number
}

/** A waiting task whose `dueBy` comes near. */
export interface DueSoon {
  readonly id: TaskId
  readonly queue: string
  readonly type: string
  readonly dueBy: number
}

/** Whose place in line is asked for. */
export interface StandingRequest {
  readonly id: TaskId
  /** How far those before it are counted: from 1 to 10 000. */
  readonly countMax: number
}

/** Where a task stands in line. */
export interface Standing {
  /** Who comes before it, while it is due and stands in line itself; `null`: it does not. */
  readonly before: Before | null
  /** Strict order: who is the first of its series, be it itself; `null`: it is in none, or has ended. */
  readonly first: TaskId | null
  /** Who holds its unique key in the way in which it would: by living, by waiting, or for a time. */
  readonly keyHolder: TaskId | null
  /** The gate that it waits behind. */
  readonly gate: string | null
  /** `null`: its queue is not paused. */
  readonly paused: Pause | null
}

/**
 * Tasks of its queue that are due and stand in line, of all types and lanes, whoever may take them: those of higher
 * levels, and those of its own that fell due (or are to start, where they have a `dueBy`) before it, or at the same
 * moment and arrived before.
 */
export interface Before {
  readonly higher: number
  readonly same: number
  /**
   * `some`: there are more, since `countMax` of them were found, or so many had to be looked at for it that the store did
   * not go on.
   */
  readonly counted: 'all' | 'some'
}

/** Since when a queue is paused, in store time, and by whom. */
export interface Pause {
  readonly at: number
  readonly by: string | null
}

/** A queue: its settings, and what is in it. */
export interface QueueRecord {
  readonly queue: string
  readonly paused: boolean
  readonly retention: Retention | null
  /** How many tasks are in each state; `scheduled` and `ready` split `pending` that is not held. */
  readonly counts: QueueCounts
  /** When the first ready task in line became due; one that became ready out of turn may stand behind it. */
  readonly oldestReadyAt: number | null
}

/** How many tasks of a queue are in each state. */
export interface QueueCounts {
  readonly blocked: number
  readonly scheduled: number
  readonly ready: number
  readonly held: number
  readonly running: number
  readonly waiting: number
  readonly succeeded: number
  readonly failed: number
  readonly cancelled: number
}

/** A worker whose lease stands; times are store time. */
export interface SessionRecord extends Omit<SessionRequest, 'ttlMs' | 'definitions'> {
  readonly openedAt: number
  /** When it was opened last: since then it is as it is shown. */
  readonly since: number
  readonly expiresAt: number
  readonly running: number
  readonly order: SessionOrder | null
}
