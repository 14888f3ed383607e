/** Inspection: what readers see. Nothing here changes anything. */
import type { TaskId, TaskOutcome, TaskRecord, TaskSummary } from './records.ts'
import type { TaskFilter } from './control.ts'
import type { PublishedDefinition, Retention, SessionRequest } from './port.ts'

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
  /** Those whose lease holds. */
  sessions(): Promise<readonly SessionRecord[]>
  /** The latest of each type. */
  definitions(): Promise<readonly PublishedDefinition[]>
  /** Store time. */
  now(): Promise<number>
}

export interface ListRequest {
  readonly filter: TaskFilter
  readonly limit: number
  readonly cursor: string | null
}

export interface ListAnswer {
  readonly tasks: readonly TaskSummary[]
  readonly next: string | null
}

export interface WaitingRoute {
  readonly queue: string
  readonly type: string
  readonly needs: readonly string[]
  readonly dueSince: number
}

export interface DueSoonRequest {
  readonly sinceMs: number
  readonly withinMs: number
  /** At most 1 000. */
  readonly limit: number
}

export interface DueSoon {
  readonly id: TaskId
  readonly queue: string
  readonly type: string
  readonly dueBy: number
}

export interface QueueRecord {
  readonly queue: string
  readonly paused: boolean
  readonly retention: Retention | null
  /** How many tasks are in each state; `scheduled` and `ready` split `pending` that is not held. */
  readonly counts: QueueCounts
  /** When the first ready task in line became due; one that became ready out of turn may stand behind it. */
  readonly oldestReadyAt: number | null
}

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

export interface SessionRecord extends Omit<SessionRequest, 'ttlMs' | 'definitions'> {
  readonly openedAt: number
  readonly expiresAt: number
  readonly running: number
}
