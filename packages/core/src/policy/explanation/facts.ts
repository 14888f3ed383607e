/** What is known of a task when it is explained: all plain data, read at about one moment. */
import type { LimitRecord } from '../../store/flow.ts'
import type { SessionRecord, Standing } from '../../store/inspection.ts'
import type { IfFailed, TaskError, TaskId, TaskRecord, TaskState, TaskSummary } from '../../store/records.ts'

/** A task that another one has to do with. `gone`: nothing is left of it. */
export interface Kin {
  readonly id: TaskId
  readonly state: TaskState | 'gone'
}

/** A task that another one waits for, and what its failure would mean. */
export interface Parent extends Kin {
  readonly ifFailed: IfFailed
}

export interface Facts {
  /** Store time. */
  readonly now: number
  /** `null`: the store does not hold it, … */
  readonly task: TaskRecord | null
  /** … and this is what it remembers of it; `null`: nothing. */
  readonly buried: TaskState | null
  readonly standing: Standing | null
  /** Those it names in `after`, in their order. */
  readonly parents: readonly Parent[]
  /** The first of its series, and the holder of its unique key, where these are others. */
  readonly first: Kin | null
  readonly keyHolder: Kin | null
  /** Those whose lease stands. */
  readonly sessions: readonly SessionRecord[]
  /** Those that it counts under, with no other keys than its own. */
  readonly limits: readonly LimitRecord[]
  /** The weight of its partition. */
  readonly weight: number
  /** Tasks of its queue that ended last. */
  readonly recent: readonly Pick<TaskSummary, 'startedAt' | 'finishedAt'>[]
}

/** Of a task that the store holds. */
export interface TaskFacts extends Facts {
  readonly task: TaskRecord
}

/** How many attempts a task may take, the first included. */
export function attemptsMax({ policy: { retry } }: Pick<TaskRecord, 'policy'>): number {
  return retry.kind === 'delays' ? retry.delaysMs.length + 1 : retry.attempts
}

/** What of an error is told. */
export type ErrorBrief = Pick<TaskError, 'name' | 'message'>

/** Stacks stay where they are. */
export function briefOf(error: TaskError | null): ErrorBrief | null {
  return error === null ? null : { name: error.name, message: error.message }
}

/** How many tasks are named where there may be very many. */
export const NAMED_MAX = 10
