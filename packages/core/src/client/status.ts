/** Tasks as readers see them: decoded, with states by their everyday names. */
import { decode } from '../task/codec.ts'
import { attemptOf } from '../policy/attempts.ts'
import { shapeOf } from '../task/fed-input.ts'
import { PRIORITIES, type Priority } from '../task/options.ts'
import type { TaskRecord, TaskState, TaskSummary } from '../store/records.ts'

/** A pending task is shown as what it waits for. */
export type ShownState = Exclude<TaskState, 'pending'> | 'scheduled' | 'ready' | 'held'

/** A task in a list. */
export interface TaskListItem extends Omit<TaskSummary, 'state' | 'level'> {
  readonly state: ShownState
  readonly priority: Priority
  /** The attempt that runs or comes next, 1 for the first; of a task that has ended the last one that ran, 0 if none did. */
  readonly attempt: number
}

/** A task, whole. */
export interface TaskStatus
  extends TaskListItem, Omit<TaskRecord, keyof TaskSummary | 'payload' | 'result' | 'checkpoint'> {
  /** `undefined` once a task succeeded: the input goes with the completion. */
  readonly input: unknown
  /** `parents` while the input is made of the results of the tasks it waits for, when it starts. */
  readonly inputFrom: 'parents' | null
  readonly result: unknown
  readonly checkpoint: unknown
}

/** @param now store time, which tells scheduled from ready */
export function shownItem(summary: TaskSummary, now: number): TaskListItem {
  const { level, ...rest } = summary
  return {
    ...rest,
    state: shownState(summary, now),
    priority: PRIORITIES[level],
    attempt: attemptOf(summary),
  }
}

export function shownStatus(record: TaskRecord, now: number): TaskStatus {
  const { payload, result, checkpoint, ...rest } = record
  const fed = payload !== null && shapeOf(payload) !== null
  return {
    ...rest,
    ...shownItem(rest as TaskSummary, now),
    input: fed || payload === null ? undefined : decode(payload),
    inputFrom: fed ? 'parents' : null,
    result: result === null ? undefined : decode(result),
    checkpoint: checkpoint === null ? undefined : decode(checkpoint),
  }
}

function shownState(task: Pick<TaskSummary, 'state' | 'held' | 'runAt'>, now: number): ShownState {
  if (task.state !== 'pending') return task.state
  if (task.held) return 'held'
  return task.runAt <= now ? 'ready' : 'scheduled'
}
