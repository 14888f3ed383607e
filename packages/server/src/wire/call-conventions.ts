/** How inputs and outputs of the calls differ from their messages. Whether an input is one says the schema of its call. */
import { depthOf } from './json-depth.ts'
import { unreadable } from './reader.ts'
import { falseAsNone, flattened, slot, type Fields, type Shape } from './shapes.ts'

/** Members of answers that are absent, and not `null`. */
export const LEFT_OUT_OF_ANSWERS: Readonly<Record<string, readonly string[]>> = {
  'millrace.v1.Problem': ['hint', 'issues', 'retryAfterMs'],
  'millrace.v1.Enqueued': ['id', 'by', 'previous', 'error'],
  'millrace.v1.ShownError': ['stack'],
  'millrace.v1.GetTaskResponse': ['input', 'result', 'checkpoint'],
  'millrace.v1.GetResultResponse': ['state', 'result', 'reason', 'error', 'finishedAt'],
  'millrace.v1.Definition': ['inputSchema'],
  'millrace.v1.WatchEventsResponse': ['id', 'at', 'task', 'missed'],
  'millrace.v1.FollowTaskResponse': ['state', 'attempt', 'fraction', 'message', 'at', 'level', 'data'],
}

const json: Shape = {
  toFields: (value: unknown) => ({ text: JSON.stringify(value) }),
  fromFields: ({ text }: { readonly text: string }) => parsed(text),
}

function parsed(text: string): unknown {
  if (depthOf(text) === 'too deep') throw unreadable('a JSON text in it is too deep')
  try {
    return JSON.parse(text)
  } catch {
    throw unreadable('a JSON text in it is no JSON')
  }
}

/** `false`, or delays, or any of the rest. What is several of them the schema refuses. */
const retry: Shape = {
  toFields: (value: false | { readonly delays?: readonly unknown[] }) =>
    value === false || value.delays?.length === 0 ? { never: true } : value,
  fromFields: (fields: { readonly never?: boolean }) => {
    const { never, ...rest } = fields
    if (never !== true) return rest
    return Object.values(rest).every((member) => member === undefined) ? false : fields
  },
}

/** An id, or an index, or either with what happens if it fails. */
const parent: Shape = {
  toFields: (value: unknown) => {
    const { task, ...rest } =
      typeof value === 'object' && value !== null ? (value as Fields) : { task: value }
    return { ...rest, ...(typeof task === 'number' ? { index: task } : { id: task }) }
  },
  fromFields: ({ id, index, ifFailed }: Fields) => {
    const task = id ?? index
    return ifFailed === undefined ? task : { task, ifFailed }
  },
}

/** `false`: no bound. */
const bound: Shape = {
  toFields: (value: number | false) => (value === false ? {} : { max: value }),
  fromFields: ({ max = false }: { readonly max?: number | false }) => max,
}

const missedRuns: Shape = {
  toFields: (value: string | { readonly all: number }) =>
    typeof value === 'string' ? { rule: value } : value,
  fromFields: (fields: { readonly rule?: string }) => fields.rule ?? fields,
}

/** What belongs to a reason stands beside its code and its sentence. */
const clause: Shape = {
  toFields: ({ code, sentence, ...details }: Fields) => ({ code, sentence, details }),
  fromFields: ({ details, ...rest }: Fields) => ({ ...(details as Fields), ...rest }),
}

const enqueueMany: Shape = {
  toFields: (value: object) => value,
  fromFields: ({ tasks = [], ...rest }: Fields) => ({ tasks, ...rest }),
}

const partitionWeight: Shape = {
  toFields: (value: object) => value,
  fromFields: ({ weight = null, ...rest }: Fields) => ({ weight, ...rest }),
}

/** Fields of messages that hold the members of a call's input, or output, beside those of the message itself. */
export const FLATTENED: Readonly<
  Record<string, { readonly field: string; readonly own: readonly string[] }>
> = {
  'millrace.v1.EnqueueRequest': { field: 'task', own: ['idempotencyKey'] },
  'millrace.v1.GetTaskResponse': {
    field: 'task',
    own: ['input', 'inputFrom', 'result', 'checkpoint', 'after', 'headers', 'logs', 'version'],
  },
  'millrace.v1.GetQueueResponse': { field: 'queue', own: ['limit'] },
}

/** Messages of calls that are something else in their inputs and outputs. */
export const CALL_SHAPES: Readonly<Record<string, Shape>> = {
  'millrace.v1.Json': json,
  'millrace.v1.Retry': retry,
  'millrace.v1.Parent': parent,
  'millrace.v1.RetentionBound': bound,
  'millrace.v1.MissedRuns': missedRuns,
  'millrace.v1.Clause': clause,
  'millrace.v1.NewTask': falseAsNone('timeout'),
  'millrace.v1.ScheduleServicePutScheduleRequest': falseAsNone('timeout'),
  'millrace.v1.RetentionTimes': falseAsNone('succeeded', 'cancelled', 'failed'),
  'millrace.v1.EnqueueManyRequest': enqueueMany,
  'millrace.v1.PutPartitionRequest': partitionWeight,
  'millrace.v1.RetentionChange': slot('retention'),
  'millrace.v1.LimitChange': slot('limit'),
  'millrace.v1.EnqueueResponse': slot('task'),
  'millrace.v1.ScheduleServicePutScheduleResponse': slot('schedule'),
  'millrace.v1.GetScheduleResponse': slot('schedule'),
  ...Object.fromEntries(
    Object.entries(FLATTENED).map(([message, { field, own }]) => [message, flattened(field, own)]),
  ),
}
