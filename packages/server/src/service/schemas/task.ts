/** Tasks as callers see them. */
import { z } from 'zod'
import { about, Id, Json, orNull, PriorityName, ShownStateName, Strings, Time } from './common.ts'

const FailReason = z.enum(['error', 'timeout', 'crashed', 'expired', 'invalid', 'dependency'])

export const TaskErrorShape = z
  .strictObject({
    name: z.string(),
    message: z.string(),
    code: z.string().nullable(),
    stack: z
      .string()
      .nullable()
      .optional()
      .meta({ description: 'Only of one task, and for those who may view.' }),
  })
  .meta({ id: 'TaskError' })

const CancelShape = z.strictObject({ reason: z.string().nullable(), at: Time }).meta({ id: 'CancelRequest' })

const ProgressShape = z
  .strictObject({ fraction: z.number(), message: z.string().nullable() })
  .meta({ id: 'Progress' })

export const LogLine = z
  .strictObject({
    at: Time,
    level: z.enum(['debug', 'info', 'warn', 'error']),
    message: z.string(),
    data: z.string().nullable(),
  })
  .meta({ id: 'LogLine' })

export const TaskId = about(Id, 'Of the task.')

export const OneTask = z.strictObject({ id: TaskId })

const item = {
  id: Id,
  type: z.string(),
  queue: z.string(),
  state: ShownStateName,
  priority: PriorityName,
  attempt: z.int().meta({
    description:
      'The attempt that runs or comes next, 1 for the first; of a task that has ended the last one that ran, 0 if none did.',
  }),
  reason: FailReason.nullable(),
  error: orNull(TaskErrorShape),
  enqueuedAt: Time,
  runAt: Time,
  startedAt: Time.nullable(),
  finishedAt: Time.nullable(),
  startBy: Time.nullable(),
  deadlineAt: Time.nullable(),
  dueBy: Time.nullable(),
  timeoutMs: z.number().nullable(),
  worker: Id.nullable().meta({ description: 'Whose lease it runs under.' }),
  cancel: orNull(CancelShape),
  blockers: z.int().meta({ description: 'How many tasks it still waits for.' }),
  uniqueKey: z.string().nullable(),
  partition: z.string().nullable(),
  limits: z.array(z.strictObject({ name: z.string(), key: z.string(), cost: z.int() })),
  needs: z.array(z.string()),
  prefers: z.array(z.string()),
  tags: z.array(z.string()),
  metadata: Strings,
  progress: orNull(ProgressShape),
}

/** A task in a list. */
export const TaskItem = z.strictObject(item).meta({ id: 'TaskItem', description: 'A task in a list.' })

/** A task, whole. */
export const TaskWhole = z
  .strictObject({
    ...item,
    input: Json.optional(),
    inputFrom: z.enum(['parents', 'codec']).nullable().meta({
      description:
        'parents: the input is made of the results of others when it starts; codec: only the code of its definition can read it.',
    }),
    result: Json.optional(),
    checkpoint: Json.optional(),
    after: z.array(z.strictObject({ task: Id, ifFailed: z.enum(['cancel', 'fail', 'run', 'trigger']) })),
    headers: Strings,
    logs: z.array(LogLine),
    version: z.int().meta({ description: 'Of the input, as its definition has it.' }),
  })
  .meta({ id: 'Task', description: 'A task, whole.' })

export const HistoryLine = z
  .strictObject({
    at: Time,
    event: z.string(),
    worker: Id.nullable(),
    detail: z.string().nullable(),
  })
  .meta({ id: 'HistoryLine' })
