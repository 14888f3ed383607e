/** Tasks as readers see them: decoded, with states by their everyday names. */
import { decode } from '../task/codec.ts'
import { decodeWith, type Codec, type PayloadPlace } from '../task/codecs/codec.ts'
import { isCoded } from '../task/codecs/frame.ts'
import { attemptOf } from '../policy/attempts.ts'
import { shapeOf } from '../task/fed-input.ts'
import { PRIORITIES, type Priority } from '../task/options.ts'
import type { Payload, TaskRecord, TaskState, TaskSummary } from '../store/records.ts'

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
  /**
   * `parents` while the input is made of the results of the tasks it waits for, when it starts; `codec`: only the
   * definition's codec can read it, as a handle of the task does.
   */
  readonly inputFrom: 'parents' | 'codec' | null
  /** `undefined`, too, where only the definition's codec can read it; and so is the checkpoint. */
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

/**
 * @param codec the definition's, where that is known
 * @throws InvalidPayloadError, DecryptionError
 */
export function shownStatus(record: TaskRecord, now: number, codec?: Codec): TaskStatus {
  const { payload, result, checkpoint, ...rest } = record
  const fed = payload !== null && shapeOf(payload) !== null
  return {
    ...rest,
    ...shownItem(rest as TaskSummary, now),
    input: fed ? undefined : shownValue(payload, 'input', { record, codec }),
    inputFrom: fed ? 'parents' : isUnread(payload, codec) ? 'codec' : null,
    result: shownValue(result, 'result', { record, codec }),
    checkpoint: shownValue(checkpoint, 'checkpoint', { record, codec }),
  }
}

function isUnread(payload: Payload | null, codec: Codec | undefined): boolean {
  return payload !== null && codec === undefined && isCoded(payload)
}

function shownValue(
  payload: Payload | null,
  what: PayloadPlace['what'],
  { record, codec }: { readonly record: TaskRecord; readonly codec: Codec | undefined },
): unknown {
  if (payload === null || isUnread(payload, codec)) return undefined
  if (codec === undefined) return decode(payload)
  const { id, type, queue } = record
  return decodeWith(codec, payload, { what, id, type, queue: what === 'input' ? queue : null })
}

function shownState(task: Pick<TaskSummary, 'state' | 'held' | 'runAt'>, now: number): ShownState {
  if (task.state !== 'pending') return task.state
  if (task.held) return 'held'
  return task.runAt <= now ? 'ready' : 'scheduled'
}
