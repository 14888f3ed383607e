/** What is done to tasks: to one by its id, or to several by their ids or by a filter. */
import type { CommandResult, Mill, TaskTarget } from '@millrace/core'
import { z } from 'zod'
import { checkReplacement } from '../../published/index.ts'
import { defineCall, type Scene } from '../call.ts'
import { InvalidRequestError } from '../errors.ts'
import { about, Id, Json, PriorityName, said, StoreState, Text, timeOf, Time } from '../schemas/common.ts'
import { OneTask, TaskId } from '../schemas/task.ts'
import { requireScope, seenIds, seenTask, unknownTask } from '../sight.ts'
import { checkSearch } from '../searching.ts'
import { Cursor, EXAMPLE_ID, filterShape } from './reading.ts'

const IDS_MAX = 1_000
const LIMIT_MAX = 100_000
const LIMIT_DEFAULT = 10_000

const Outcome = z.enum(['changed', 'requested', 'refused', 'key-held', 'unknown']).meta({
  description:
    'requested: it runs, and is asked to stop; refused: not possible in its state; key-held: another task holds its unique key now; unknown: there is no such task.',
})

const Acted = z.strictObject({ id: Id, outcome: Outcome }).meta({ id: 'Acted' })

const Reason = said(Text, 'Kept with the task, for whoever looks.')
const force = z
  .boolean()
  .optional()
  .meta({ description: 'Take an input that does not match what its worker has published.' })

export const cancel = defineCall({
  name: 'tasks.cancel',
  summary: 'Cancels a task: at once if it waits; if it runs its handler is asked to stop.',
  permission: 'enqueue',
  input: z.strictObject({ id: TaskId, reason: Reason }),
  output: Acted,
  example: { id: EXAMPLE_ID, reason: 'not needed any more' },
  audited: ({ id }) => ({ id }),
  async run({ id, reason }, scene) {
    // who may only follow a task knows that it is there
    const { queue } = await seenTask(id, 'follow', scene)
    scene.caller.require('enqueue', queue)
    return acted(id, await scene.mill.tasks.cancel(id, { reason }))
  },
})

export const retry = defineCall({
  name: 'tasks.retry',
  summary:
    'Starts a failed or cancelled task over, with all its attempts, and with another input where one is given.',
  permission: 'operate',
  input: z.strictObject({ id: TaskId, input: Json.optional(), force }),
  output: Acted,
  example: { id: EXAMPLE_ID },
  audited: ({ id, input }) => ({ id, withInput: input !== undefined }),
  async run({ id, input, force: forced = false }, scene) {
    await operated(id, scene)
    if (input !== undefined && !forced) await checkReplacement(input, { ids: [id] }, warning(scene))
    return acted(id, await scene.mill.tasks.retry(id, { input }))
  },
})

export const edit = defineCall({
  name: 'tasks.edit',
  summary: 'Changes the input, the priority or the due time of a task that waits; what is left out stays.',
  permission: 'operate',
  input: z.strictObject({
    id: TaskId,
    input: Json.optional(),
    priority: said(PriorityName, 'Another one.'),
    runAt: said(Time, 'Not before then; what waits for its time may also come sooner.'),
    force,
  }),
  output: Acted,
  example: { id: EXAMPLE_ID, priority: 'high' },
  audited: ({ id, input, priority, runAt }) => ({ id, withInput: input !== undefined, priority, runAt }),
  async run({ id, input, priority, runAt, force: forced = false }, scene) {
    await operated(id, scene)
    if (input !== undefined && !forced) await checkReplacement(input, { ids: [id] }, warning(scene))
    const at = runAt === undefined ? undefined : timeOf(runAt)
    return acted(id, await scene.mill.tasks.edit(id, { input, priority, runAt: at }))
  },
})

export const setPriority = defineCall({
  name: 'tasks.setPriority',
  summary: 'Gives a task that waits another priority.',
  permission: 'operate',
  input: z.strictObject({ id: TaskId, priority: about(PriorityName, 'Another one.') }),
  output: Acted,
  example: { id: EXAMPLE_ID, priority: 'low' },
  audited: ({ id, priority }) => ({ id, priority }),
  async run({ id, priority }, scene) {
    await operated(id, scene)
    return acted(id, await scene.mill.tasks.setPriority(id, priority))
  },
})

export const hold = oneByOne('hold', 'Keeps a task that waits from starting until it is released.')
export const release = oneByOne('release', 'Lets a task start that is held.')
export const remove = oneByOne(
  'remove',
  'Removes a task that does not run. Tasks that wait for it see a cancelled one.',
)

function oneByOne<Verb extends 'hold' | 'release' | 'remove'>(verb: Verb, summary: string) {
  return defineCall({
    name: `tasks.${verb}`,
    summary,
    permission: 'operate',
    input: OneTask,
    output: Acted,
    example: { id: EXAMPLE_ID },
    audited: ({ id }) => ({ id }),
    async run({ id }, scene) {
      await operated(id, scene)
      return acted(id, await scene.mill.tasks[verb](id))
    },
  })
}

const Filter = z.strictObject({ state: z.array(StoreState).min(1).optional(), ...filterShape }).meta({
  id: 'TaskFilter',
  description: 'All that is given must hold. `pending` is scheduled, ready and held.',
})

const Action = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('cancel'), reason: Reason, ...targetShape() }),
  z.strictObject({ action: z.literal('retry'), input: Json.optional(), force, ...targetShape() }),
  z.strictObject({ action: z.literal('remove'), ...targetShape() }),
  z.strictObject({ action: z.literal('hold'), ...targetShape() }),
  z.strictObject({ action: z.literal('release'), ...targetShape() }),
  z.strictObject({ action: z.literal('setPriority'), priority: PriorityName, ...targetShape() }),
])

type ActionInput = z.output<typeof Action>

function targetShape() {
  return {
    ids: z.array(Id).min(1).max(IDS_MAX).optional(),
    filter: Filter.optional(),
    preview: z.boolean().optional().meta({
      description: 'Only tell how many tasks are meant, and to how many it would make a difference.',
    }),
    limit: z
      .int()
      .min(1)
      .max(LIMIT_MAX)
      .optional()
      .meta({ description: `Over a filter: stops once so many have matched. Default ${LIMIT_DEFAULT}.` }),
    cursor: Cursor.optional().meta({ description: 'Over a filter: `next` of the same action, to go on.' }),
  }
}

const ActedOn = z
  .strictObject({
    matched: z.int(),
    changed: z.int(),
    outcomes: z
      .array(Acted)
      .meta({ description: 'Of each id that was given, in order; empty for a filter.' }),
    next: z.string().nullable().meta({ description: 'Where it goes on if it stopped at its limit.' }),
  })
  .meta({ id: 'TasksActed' })

export const act = defineCall({
  name: 'tasks.act',
  summary:
    'Cancels, retries, removes, holds or releases tasks, or changes their priority: by their ids, or by a filter, as far as `limit` goes.',
  permission: 'operate',
  input: Action.meta({ id: 'TaskAction' }),
  output: ActedOn,
  example: { action: 'cancel', filter: { queue: 'default', state: ['blocked', 'pending'] }, preview: true },
  audited: ({ action, ids, filter, limit = LIMIT_DEFAULT, preview = false }) =>
    preview ? undefined : ids === undefined ? { action, filter, limit } : { action, ids },
  async run(input, scene) {
    return input.ids === undefined ? overFilter(input, scene) : overIds(input, input.ids, scene)
  },
})

async function overIds(
  input: ActionInput,
  ids: readonly string[],
  scene: Scene,
): Promise<z.input<typeof ActedOn>> {
  if (input.filter !== undefined || input.cursor !== undefined || input.limit !== undefined)
    throw new InvalidRequestError(
      'Beside ids there is a filter, a limit or a cursor.',
      [],
      'Give ids or a filter.',
    )
  const seen = await seenIds(ids, 'operate', scene)
  const meant = ids.filter((id) => seen.has(id))
  await checkInput(input, { ids: meant }, scene)
  const { matched, changed, outcomes } = await actOn(scene.mill, input, meant)
  const byId = new Map(meant.map((id, at) => [id, outcomes[at]!]))
  return {
    matched,
    changed,
    outcomes: ids.map((id) => ({ id, outcome: byId.get(id) ?? ('unknown' as const) })),
    next: null,
  }
}

async function overFilter(input: ActionInput, scene: Scene): Promise<z.input<typeof ActedOn>> {
  const { filter } = input
  if (filter === undefined) throw new InvalidRequestError('No task is named.', [], 'Give ids, or a filter.')
  requireScope(scene.caller, 'operate', filter.queue)
  checkSearch(filter, scene)
  if (filter.type !== undefined) await checkInput(input, { types: [filter.type] }, scene)
  const { matched, changed, next = null } = await actOn(scene.mill, input, filter)
  return { matched, changed, outcomes: [], next }
}

async function checkInput(
  input: ActionInput,
  about: { readonly ids: readonly string[] } | { readonly types: readonly string[] },
  scene: Scene,
): Promise<void> {
  if (input.action !== 'retry' || input.input === undefined || input.force === true) return
  await checkReplacement(input.input, about, warning(scene))
}

function actOn({ tasks }: Mill, input: ActionInput, target: TaskTarget): Promise<CommandResult> {
  const { preview } = input
  const page = input.ids === undefined ? { limit: input.limit ?? LIMIT_DEFAULT, cursor: input.cursor } : {}
  const options = { preview, ...page }
  switch (input.action) {
    case 'cancel':
      return tasks.cancel(target, { ...options, reason: input.reason })
    case 'retry':
      return tasks.retry(target, { ...options, input: input.input })
    case 'setPriority':
      return tasks.setPriority(target, input.priority, options)
    case 'remove':
    case 'hold':
    case 'release':
      return tasks[input.action](target, options)
  }
}

/** @throws NotFoundError, also for a task of a queue that the caller may not see; AccessError */
async function operated(id: string, scene: Scene): Promise<void> {
  const { queue } = await seenTask(id, 'follow', scene)
  scene.caller.require('operate', queue)
}

/** @throws NotFoundError if it was removed meanwhile */
function acted(id: string, { outcomes }: CommandResult): z.input<typeof Acted> {
  const [outcome = 'unknown'] = outcomes
  if (outcome === 'unknown') throw unknownTask(id)
  return { id, outcome }
}

function warning({ mill, logger }: Scene): { readonly mill: Mill; readonly warn: (text: string) => void } {
  return { mill, warn: (text) => logger.warn(text) }
}
