/** What goes on being answered: how tasks end, and what happens to one. */
import { defineTask, unchecked, type TaskUpdate } from '@millrace/core'
import { z } from 'zod'
import { defineStream, type StreamCall, type StreamItem, type StreamScene } from './call.ts'
import { Name, said, ShownStateName, timeText, Time } from './schemas/common.ts'
import { LogLine, OneTask, TaskItem } from './schemas/task.ts'
import { seenTask, unknownTask } from './sight.ts'
import { logLine, shownItem, shownValue } from './shown.ts'
import { EXAMPLE_ID } from './tasks/reading.ts'
import type { HeardItem } from './events/hub.ts'

const ID_MAX = 64
const TaskEventType = z.enum(['task.succeeded', 'task.failed', 'task.cancelled'])

const EventShape = z
  .discriminatedUnion('type', [
    z.strictObject({ type: TaskEventType, at: Time, task: TaskItem }),
    z.strictObject({ type: z.literal('gap'), missed: z.int() }).meta({
      description: 'So many events, at least, are left out: the reader, or the server, did not keep up.',
    }),
    z
      .strictObject({ type: z.literal('resync') })
      .meta({ description: 'Where the reader was is not known any more: look at the tasks anew.' }),
  ])
  .meta({ id: 'Event' })

const events = defineStream({
  name: 'events.watch',
  summary: 'Tells how tasks end, as far as the caller may view their queues.',
  permission: 'view',
  input: z.strictObject({
    types: z.array(TaskEventType).min(1).optional().meta({ description: 'Default: all.' }),
    queue: said(Name, 'Only tasks of this queue.'),
    type: said(Name, 'Only tasks of this type.'),
    lastEventId: z
      .string()
      .max(ID_MAX)
      .optional()
      .meta({ description: 'The id of the last event that was read.' }),
  }),
  output: EventShape,
  example: { types: ['task.failed'], queue: 'default' },
  async open({ lastEventId = null, ...filter }, scene) {
    if (filter.queue !== undefined) scene.caller.require('view', filter.queue)
    return shownEvents(scene.hub.listen(lastEventId, scene.signal), filter, scene)
  },
})

interface EventFilter {
  readonly types?: readonly string[] | undefined
  readonly queue?: string | undefined
  readonly type?: string | undefined
}

async function* shownEvents(
  heard: AsyncIterable<HeardItem>,
  { types, queue, type }: EventFilter,
  scene: StreamScene,
): AsyncGenerator<StreamItem<z.input<typeof EventShape>>, void, undefined> {
  for await (const { id, heard: event } of heard) {
    if (!('task' in event)) {
      yield { id, data: event }
      continue
    }
    const { task } = event
    const isWanted =
      (types === undefined || types.includes(event.type)) &&
      (queue === undefined || task.queue === queue) &&
      (type === undefined || task.type === type)
    const caller = scene.current()
    if (!isWanted || !caller.may('view', task.queue)) continue
    const shown = shownItem(task, { redact: scene.redact, caller })
    yield { id, data: { type: event.type, at: timeText(event.at), task: shown } }
  }
}

const UpdateShape = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('state'), state: ShownStateName, attempt: z.int() }),
    z.strictObject({ type: z.literal('progress'), fraction: z.number(), message: z.string().nullable() }),
    z.strictObject({ type: z.literal('log'), ...LogLine.shape }),
  ])
  .meta({ id: 'TaskUpdate' })

const updates = defineStream({
  name: 'tasks.updates',
  summary:
    'Follows a task until it has ended: the state that it is in, then each other one, its progress and its log.',
  permission: 'follow',
  input: OneTask,
  output: UpdateShape,
  example: { id: EXAMPLE_ID },
  async open({ id }, scene) {
    const { type, queue, id: own } = await seenTask(id, 'follow', scene)
    const task = defineTask(type, { input: unchecked<unknown>() })
    return shownUpdates(
      scene.mill.handle(task, own).updates({ signal: scene.signal }),
      { type, queue, id },
      scene,
    )
  },
})

async function* shownUpdates(
  given: AsyncIterable<TaskUpdate>,
  { type, queue, id }: { readonly type: string; readonly queue: string; readonly id: string },
  scene: StreamScene,
): AsyncGenerator<StreamItem<z.input<typeof UpdateShape>>, void, undefined> {
  for await (const update of given) {
    const caller = scene.current()
    if (!caller.may('follow', queue)) throw unknownTask(id)
    const place = { what: update.type === 'progress' ? 'progress' : 'log', type, queue } as const
    yield {
      id: null,
      data: update.type === 'state' ? update : shownValue(dataOf(update), place, { ...scene, caller }),
    }
  }
}

function dataOf(update: Exclude<TaskUpdate, { readonly type: 'state' }>): z.input<typeof UpdateShape> {
  return update.type === 'log' ? { type: 'log', ...logLine(update) } : update
}

/** By name. */
export const STREAMS: ReadonlyMap<string, StreamCall> = new Map(
  [events, updates].map((call) => [call.name, call as unknown as StreamCall]),
)
