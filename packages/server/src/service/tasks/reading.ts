/** Looking at tasks. */
import { z } from 'zod'
import { defineCall } from '../call.ts'
import {
  Id,
  Name,
  Nothing,
  said,
  ShownStateName,
  Strings,
  timeText,
  timeTextOrNull,
  Time,
} from '../schemas/common.ts'
import { narrowFilter } from '../narrow-filter.ts'
import { HistoryLine, OneTask, TaskItem, TaskWhole } from '../schemas/task.ts'
import { fittingPage } from '../pages.ts'
import { checkSearch } from '../searching.ts'
import { requireScope, seenTask } from '../sight.ts'
import { shownItem, shownTask, shownValue } from '../shown.ts'

const LIST_MAX = 1_000
const LIST_DEFAULT = 50
const TEXT_MAX = 200
const CURSOR_MAX = 2_048
export const EXAMPLE_ID = '0198c0de-0000-7000-8000-000000000000'

/** What a filter says beside states. */
export const filterShape = {
  queue: said(Name, 'Only tasks of this queue.'),
  type: said(Name, 'Only tasks of this type.'),
  tag: said(Name, 'Only tasks that have it.'),
  metadata: Strings.optional().meta({ description: 'Tasks that have all of these, to the letter.' }),
  text: z.string().min(1).max(TEXT_MAX).optional().meta({
    description:
      'In whose type, tags, values of metadata or error message it stands, in upper or lower case.',
  }),
}

export const Cursor = z.string().max(CURSOR_MAX)

/** `pending` is all of scheduled, ready and held. */
const ListState = z.enum([...ShownStateName.options, 'pending'])
const PENDING: readonly string[] = ['scheduled', 'ready', 'held', 'pending']

export const list = defineCall({
  name: 'tasks.list',
  summary: 'Lists tasks, newest first. A page may be short, even empty, and not the last.',
  permission: 'view',
  input: z.strictObject({
    state: said(z.array(ListState).min(1), 'Any of these. `pending` is scheduled, ready and held.'),
    ...filterShape,
    limit: z.int().min(1).max(LIST_MAX).optional().meta({ description: 'Default 50.' }),
    cursor: Cursor.optional().meta({ description: '`next` of the page before.' }),
  }),
  output: z
    .strictObject({ tasks: z.array(TaskItem), next: z.string().nullable() })
    .meta({ id: 'TaskPage', description: '`next` is where the next page begins; null at the end.' }),
  example: { state: ['ready', 'running'], queue: 'default', limit: 20 },
  async run({ state, ...given }, scene) {
    const { caller, mill } = scene
    const queue = given.queue ?? caller.onlyQueue('view')
    if (queue !== undefined) caller.require('view', queue)
    checkSearch(given, scene)
    const query = { ...given, queue, state: state && [...new Set(state.map(storeState))] }
    const narrow = queue === undefined && !caller.mayEverywhere('view') ? narrowFilter(query) : undefined
    const asked = narrow?.asked ?? query
    const { tasks, next = null } = await fittingPage({
      limit: query.limit ?? LIST_DEFAULT,
      cursor: query.cursor ?? null,
      read: (limit, cursor) => mill.tasks.list({ ...asked, limit, cursor: cursor ?? undefined }),
      isSeen: (task) => caller.may('view', task.queue) && narrow?.fits(task) !== false,
    })
    const wanted = state === undefined || state.includes('pending') ? undefined : new Set<string>(state)
    const shown = tasks.filter(
      (task) =>
        caller.may('view', task.queue) &&
        narrow?.fits(task) !== false &&
        (wanted === undefined || wanted.has(task.state) || !PENDING.includes(task.state)),
    )
    return { tasks: shown.map((task) => shownItem(task, scene)), next }
  },
})

type StoreStateName = 'pending' | Exclude<z.output<typeof ListState>, 'scheduled' | 'ready' | 'held'>

function storeState(state: z.output<typeof ListState>): StoreStateName {
  return state === 'scheduled' || state === 'ready' || state === 'held' ? 'pending' : state
}

export const get = defineCall({
  name: 'tasks.get',
  summary: 'Answers a task, whole.',
  permission: 'follow',
  input: OneTask,
  output: TaskWhole,
  example: { id: EXAMPLE_ID },
  async run({ id }, scene) {
    return shownTask(await seenTask(id, 'follow', scene), scene)
  },
})

export const history = defineCall({
  name: 'tasks.history',
  summary: 'Tells what happened to a task, oldest first: its newest 100 events.',
  permission: 'follow',
  input: OneTask,
  output: z.strictObject({ events: z.array(HistoryLine) }).meta({ id: 'History' }),
  example: { id: EXAMPLE_ID },
  async run({ id }, scene) {
    const { history: entries, type, queue } = await seenTask(id, 'follow', scene)
    const events = entries.map(({ at, event, session, detail }) => {
      const shown = shownValue(detail, { what: 'reason', type, queue }, scene)
      return { at: timeText(at), event, worker: session, detail: shown }
    })
    return { events }
  },
})

const Clause = z
  .looseObject({ code: z.string(), sentence: z.string() })
  .meta({ id: 'Clause', description: 'A reason: its code, what belongs to it, and the same as a sentence.' })

export const explain = defineCall({
  name: 'tasks.explain',
  summary:
    'Tells why a task has not started, what it is doing, or why it ended as it did: what keeps it most first.',
  permission: 'view',
  input: OneTask,
  output: z
    .strictObject({
      id: Id,
      state: z.string(),
      type: z.string().nullable(),
      queue: z.string().nullable(),
      at: Time,
      clauses: z.array(Clause),
      position: z
        .strictObject({ higher: z.int(), same: z.int(), counted: z.enum(['all', 'some']) })
        .nullable(),
      estimate: z.strictObject({ startsAt: Time, bound: z.enum(['about', 'at least']) }).nullable(),
    })
    .meta({ id: 'Explanation' }),
  example: { id: EXAMPLE_ID },
  async run({ id }, scene) {
    const { mill, caller } = scene
    // what is remembered of one that was removed is in no queue any more
    if (!caller.mayEverywhere('view')) await seenTask(id, 'view', scene)
    const { clauses, position, estimate, at, ...rest } = await mill.tasks.explain(id)
    const place = { what: 'reason', type: rest.type ?? '', queue: rest.queue ?? '' } as const
    return {
      ...rest,
      at: timeText(at),
      clauses: clauses.map((clause) => shownValue({ ...clause }, place, scene)),
      position: position === undefined ? null : { ...position },
      estimate:
        estimate === undefined ? null : { startsAt: timeText(estimate.startsAt), bound: estimate.bound },
    }
  },
})

const DeadGroupShape = z
  .strictObject({
    fingerprint: z.string(),
    type: z.string(),
    reason: z.string(),
    error: z.string().nullable(),
    message: z.string().nullable().meta({ description: 'With numbers and ids masked.' }),
    count: z.int(),
    newest: Time.nullable(),
    oldest: Time.nullable(),
    example: Id,
  })
  .meta({ id: 'DeadGroup' })

export const dead = defineCall({
  name: 'tasks.dead',
  summary: 'Groups what failed for good by what went wrong, the largest group first.',
  permission: 'view',
  input: z.strictObject({ ...filterShape, limit: said(z.int().min(1).max(LIST_MAX), 'So many groups.') }),
  output: z.strictObject({ groups: z.array(DeadGroupShape) }).meta({ id: 'DeadGroups' }),
  example: { queue: 'default', limit: 10 },
  async run(input, scene) {
    requireScope(scene.caller, 'view', input.queue)
    checkSearch(input, scene)
    const groups = await scene.mill.tasks.dead(input)
    return {
      groups: groups.map(({ newest, oldest, error, message, ...rest }) => {
        const place = { what: 'error', type: rest.type, queue: input.queue ?? '' } as const
        return {
          ...rest,
          ...shownValue({ error, message }, place, scene),
          newest: timeTextOrNull(newest),
          oldest: timeTextOrNull(oldest),
        }
      }),
    }
  },
})

export const definitions = defineCall({
  name: 'definitions.list',
  summary:
    'Lists the definitions that workers have published: what can be enqueued by name, and what it takes.',
  permission: 'view',
  input: Nothing,
  output: z
    .strictObject({
      definitions: z.array(
        z.strictObject({
          type: z.string(),
          queue: z.string(),
          options: z.unknown(),
          inputSchema: z
            .unknown()
            .optional()
            .meta({ description: 'JSON Schema, where its library gives one.' }),
        }),
      ),
    })
    .meta({ id: 'Definitions' }),
  example: {},
  async run(_, { mill, caller }) {
    const found = await mill.definitions()
    return {
      definitions: found
        .filter(({ queue }) => caller.may('view', queue))
        .map(({ type, queue, options, schema }) => ({
          type,
          queue,
          options: parsedOrNull(options),
          ...(schema === null ? {} : { inputSchema: parsedOrNull(schema) }),
        })),
    }
  },
})

/** What somebody has published that is no JSON keeps nobody from the others. */
function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}
