/** What goes out: plain JSON, with what users put into tasks as far as it is shown to this caller. */
import type { TaskListItem, TaskStatus } from '@millrace/core'
import type { LogEntry, TaskError } from '@millrace/core/store'
import type { z } from 'zod'
import { timeText, timeTextOrNull } from './schemas/common.ts'
import type { LogLine, TaskErrorShape, TaskItem, TaskWhole } from './schemas/task.ts'
import type { ShownPlace } from './redaction.ts'
import type { Scene } from './call.ts'

/** Where something is shown from. */
type Origin = Pick<ShownPlace, 'type' | 'queue'>

/** What a value is shown as; what is not there needs no redaction. */
export function shownValue<T>(
  value: T,
  place: Origin & Pick<ShownPlace, 'what'>,
  { redact, caller }: Pick<Scene, 'redact' | 'caller'>,
): T {
  if (value === undefined || value === null) return value
  // What a redaction answers in its place may be of any kind: schemas tell of what there is without one.
  return redact(value, { ...place, caller: caller.name }) as T
}

type Viewer = Pick<Scene, 'redact' | 'caller'>

export function shownItem(item: TaskListItem, viewer: Viewer): z.input<typeof TaskItem> {
  const { id, type, queue, state, priority, attempt, reason, blockers, needs, timeoutMs } = item
  const show = <T>(what: ShownPlace['what'], value: T): T => shownValue(value, { what, type, queue }, viewer)
  return {
    id,
    type,
    queue,
    state,
    priority,
    attempt,
    reason,
    error: show('error', errorOf(item.error, 'brief')),
    enqueuedAt: timeText(item.enqueuedAt),
    runAt: timeText(item.runAt),
    startedAt: timeTextOrNull(item.startedAt),
    finishedAt: timeTextOrNull(item.finishedAt),
    startBy: timeTextOrNull(item.startBy),
    deadlineAt: timeTextOrNull(item.deadlineAt),
    dueBy: timeTextOrNull(item.dueBy),
    timeoutMs,
    worker: item.session,
    cancel:
      item.cancel === null
        ? null
        : { reason: show('reason', item.cancel.reason), at: timeText(item.cancel.at) },
    blockers,
    uniqueKey: show('key', item.uniqueKey),
    partition: show('key', item.lane?.partition ?? null),
    limits: (item.lane?.limits ?? []).map(({ name, key, cost }) => ({ name, key: show('key', key), cost })),
    needs: [...needs],
    prefers: [...(item.lane?.prefers ?? [])],
    tags: show('tags', [...item.tags]),
    metadata: show('metadata', { ...item.metadata }),
    progress: show('progress', item.progress === null ? null : { ...item.progress }),
  }
}

export function shownTask(status: TaskStatus, viewer: Viewer): z.input<typeof TaskWhole> {
  const { type, queue } = status
  const show = <T>(what: ShownPlace['what'], value: T): T => shownValue(value, { what, type, queue }, viewer)
  const detail = viewer.caller.may('view', queue) ? 'whole' : 'brief'
  return {
    ...shownItem(status, viewer),
    error: show('error', errorOf(status.error, detail)),
    input: show('input', status.input),
    inputFrom: status.inputFrom,
    result: show('result', status.result),
    checkpoint: show('checkpoint', status.checkpoint),
    after: status.after.map(({ parent, ifFailed }) => ({ task: parent, ifFailed })),
    headers: show('headers', { ...status.headers }),
    logs: show(
      'log',
      status.logs.map((line) => logLine(line)),
    ),
    version: status.policy.version ?? 1,
  }
}

/** @param detail `brief`: without the stack, which tells where its code lies */
export function errorOf(
  error: TaskError | null,
  detail: 'brief' | 'whole',
): z.input<typeof TaskErrorShape> | null {
  if (error === null) return null
  const { name, message, code, stack } = error
  return detail === 'whole' ? { name, message, code, stack } : { name, message, code }
}

export function logLine({ at, level, message, data }: LogEntry): z.input<typeof LogLine> {
  return { at: timeText(at), level, message, data }
}
