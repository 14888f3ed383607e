/** Applies the commands of operators, each task by itself. */
import { texts, uuids } from './arrays.ts'
import { editedParts, FINAL_FROM, ifFailedCode, readKeyTerms, STATE } from '@millrace/core/store'
import { FLAG } from './codes.ts'
import { cancel, newEpoch } from './cancelling.ts'
import { tellDependents } from './dependents.ts'
import { fitsDetails, HIGHEST_ID, LOOKED_AT_MAX, LOWEST_ID, notOurs, slotsOf, statesOf } from './filters.ts'
import { inPass, type Home, type Pass } from './pass.ts'
import { columnsOf, sizeOf } from './payloads.ts'
import {
  CONFIGURE,
  EDGE_ABOVE,
  FIND_TOMBSTONES,
  MATCHING,
  PAUSE,
  RESUME,
  SET_RETENTION,
} from './statements/control.ts'
import { ADD_EDGES } from './statements/dependents.ts'
import { KEYS_HELD } from './statements/keys.ts'
import { PASS_TIME } from './statements/sessions.ts'
import {
  comeBack,
  countersOf,
  draftOf,
  isFinal,
  isRunning,
  load,
  remove,
  setCheckpoint,
  setCounters,
  setError,
  tell,
  type Draft,
  type Task,
} from './tasks.ts'
import type {
  Command,
  CommandAnswer,
  CommandOutcome,
  CommandRequest,
  Edit,
  IfFailed,
  Payload,
  QueueSettings,
  TaskFilter,
  TaskId,
} from '@millrace/core/store'

type Order = Pick<CommandRequest, 'command' | 'nonce'>

export async function command(home: Home, request: CommandRequest): Promise<CommandAnswer> {
  const { target } = request
  if ('ids' in target) return inPass(home, (pass) => byIds(pass, request, target.ids))
  const place = target.cursor === null ? await firstPlace(home) : placeOf(target.cursor)
  return inPass(home, (pass) => byFilter(pass, request, { filter: target.filter, place }))
}

async function byIds(pass: Pass, order: Order, ids: readonly TaskId[]): Promise<CommandAnswer> {
  await load(pass, ids)
  const missing = ids.filter((id) => draftOf(pass, id) === undefined)
  const marks = new Map<string, string | null>()
  if (missing.length > 0) {
    const values = [uuids(missing), pass.now]
    const rows = await pass.connection.rows<[string, string | null]>(FIND_TOMBSTONES, values)
    for (const [id, mark] of rows) marks.set(id, mark)
  }
  const outcomes = await obeyAll(pass, order, ids)
  const all = outcomes.map((outcome, index) => outcome ?? markOutcome(marks.get(ids[index]!) ?? null, order))
  const known = all.filter((outcome) => outcome !== undefined)
  return {
    matched: known.length,
    changed: known.filter(isChange).length,
    outcomes: all.map((outcome) => outcome ?? 'unknown'),
    cursor: null,
  }
}

/** The tasks must be loaded. What a repeated id would do twice is done once. */
async function obeyAll(
  pass: Pass,
  order: Order,
  ids: readonly TaskId[],
): Promise<(CommandOutcome | undefined)[]> {
  const held = order.command.kind === 'retry' ? await keysHeld(pass) : new Set<string>()
  const outcomes: (CommandOutcome | undefined)[] = []
  for (const id of ids) {
    const draft = draftOf(pass, id)
    outcomes.push(draft === undefined ? undefined : await obey(pass, draft, { order, held }))
  }
  await tellDependents(pass)
  return outcomes
}

/** Unique keys of the loaded tasks that others hold. */
async function keysHeld({ connection, drafts }: Pass): Promise<Set<string>> {
  const keys = [...drafts.values()].map(({ task }) => keyOf(task)).filter((key) => key !== null)
  if (keys.length === 0) return new Set()
  return new Set((await connection.rows<[string]>(KEYS_HELD, [texts(keys)])).map(([key]) => key))
}

/** The one that it is to hold as long as it lives, or waits. */
function keyOf({ uniqueKey, keyTerms, flags }: Readonly<Task>): string | null {
  return (flags & FLAG.keyWaits) === 0 ? uniqueKey : readKeyTerms(keyTerms!).key
}

/** How far a command over a filter has got: the last task that was looked at, and the time of the first call. */
interface Place {
  readonly last: string
  readonly until: number
}

interface FilterTarget {
  readonly filter: TaskFilter
  readonly place: Place
}

const CURSOR = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}):(\d{1,15})$/

type MatchRow = readonly [
  id: string,
  mark: string | null,
  labels: string | null,
  /** A final task's end, or a live one's arrival. */
  since: number,
  route: number,
  error: string | null,
]

/**
 * What comes or ends from now on is told apart from what was there by its time. That time has passed before the
 * tasks are locked: renewals raise the floor, too, and must not wait for them.
 */
async function firstPlace({ database }: Home): Promise<Place> {
  const [row] = await database.rows<[now: number]>(PASS_TIME, [database.seen])
  const until = row![0]
  database.saw(until + 1)
  return { last: LOWEST_ID, until }
}

function placeOf(cursor: string): Place {
  const [, last, until] = CURSOR.exec(cursor) ?? []
  if (last === undefined) throw notOurs(cursor)
  return { last, until: Number(until) }
}

/** Goes through the tasks in the order of their ids. */
async function byFilter(
  pass: Pass,
  request: CommandRequest,
  { filter, place: { last, until } }: FilterTarget,
): Promise<CommandAnswer> {
  const { connection, names } = pass
  if (filter.queue !== undefined) await names.queues.find([filter.queue], connection)
  const queue = filter.queue === undefined ? null : (names.queues.known(filter.queue) ?? 0)
  const states = [...statesOf(filter.states)]
  const slots = slotsOf(states)
  const countsLive = states.some((state) => state < FINAL_FROM)
  const looks = [last, slots, countsLive, LOOKED_AT_MAX]
  const edge = (await connection.rows<[string | null]>(EDGE_ABOVE, looks))[0]![0]
  const mark = `${request.nonce}:`
  const filters = [states, queue, filter.type ?? null, request.tasksMax + 1, mark]
  const values = [last, ...filters, slots, countsLive, edge ?? HIGHEST_ID]
  const rows = await connection.rows<MatchRow>(MATCHING, values)
  const seen = rows.slice(0, request.tasksMax)
  await names.routes.learn(
    seen.map((row) => row[4]),
    connection,
  )
  const ids = seen.filter((row) => isMeant(pass, row, { request, filter, until })).map(([id]) => id)
  await load(pass, ids)
  // one that has moved on meanwhile is not meant any more
  const meant = ids.filter((id) => isStillMeant(pass, id, { request, filter }))
  const outcomes = await obeyAll(pass, request, meant)
  const known = outcomes.filter((outcome) => outcome !== undefined)
  const next = rows.length > seen.length ? (seen.at(-1)?.[0] ?? last) : edge
  const cursor = next === null ? null : `${next}:${until}`
  return { matched: known.length, changed: known.filter(isChange).length, outcomes: [], cursor }
}

interface Meaning {
  readonly request: CommandRequest
  readonly filter: TaskFilter
  readonly until: number
}

function isMeant({ names }: Pass, row: MatchRow, { request, filter, until }: Meaning): boolean {
  const [, mark, labels, since, route, error] = row
  if (markOutcome(mark, request) !== undefined) return true
  return since <= until && fitsDetails({ type: names.routes.value(route).type, labels, error }, filter)
}

function isStillMeant(
  pass: Pass,
  id: string,
  { request, filter }: { request: CommandRequest; filter: TaskFilter },
): boolean {
  const task = draftOf(pass, id)?.task
  if (task === undefined) return false
  return markOutcome(task.mark, request) !== undefined || statesOf(filter.states).includes(task.state)
}

function isChange(outcome: CommandOutcome): boolean {
  return outcome === 'changed' || outcome === 'requested'
}

function markOutcome(mark: string | null, { nonce }: Order): CommandOutcome | undefined {
  if (mark === null || !mark.startsWith(`${nonce}:`)) return undefined
  return mark.slice(nonce.length + 1) as CommandOutcome
}

interface Obeying {
  readonly order: Order
  readonly held: Set<string>
}

async function obey(pass: Pass, draft: Draft, { order, held }: Obeying): Promise<CommandOutcome> {
  const { task } = draft
  const before = markOutcome(task.mark, order)
  if (before !== undefined) return before
  if (order.command.kind === 'remove') {
    if (isRunning(task)) return 'refused'
    remove(pass, draft, `${order.nonce}:changed`)
    return 'changed'
  }
  const outcome =
    order.command.kind === 'retry'
      ? await restart(pass, draft, { payload: order.command.payload, held })
      : apply(pass, draft, order.command)
  // what was refused wrote nothing, not even a mark: a repeat is judged anew
  if (isChange(outcome)) task.mark = `${order.nonce}:${outcome}`
  return outcome
}

function apply(
  pass: Pass,
  draft: Draft,
  what: Exclude<Command, { kind: 'remove' | 'retry' }>,
): CommandOutcome {
  switch (what.kind) {
    case 'cancel':
      return requestCancel(pass, draft, what.reason)
    case 'hold':
      return hold(pass, draft, 'held')
    case 'release':
      return hold(pass, draft, 'released')
    case 'edit':
      return edit(pass, draft, what)
  }
}

/** Also what a schedule does to its last run. */
export function requestCancel(pass: Pass, draft: Draft, reason: string | null): CommandOutcome {
  const { task } = draft
  if (isFinal(task)) return 'refused'
  const runs = isRunning(task)
  if (runs && task.cancel !== null) return 'requested'
  if (!runs) {
    cancel(pass, draft, { reason, detail: reason })
    return 'changed'
  }
  task.cancel = JSON.stringify({ reason, at: pass.now })
  tell(pass, draft, { event: 'cancel-requested', detail: reason })
  pass.hint.cancel = true
  return 'requested'
}

interface Restart extends Pick<Extract<Command, { kind: 'retry' }>, 'payload'> {
  readonly held: Set<string>
}

async function restart(pass: Pass, draft: Draft, { payload, held }: Restart): Promise<CommandOutcome> {
  const { task } = draft
  const { now } = pass
  if (task.state !== STATE.failed && task.state !== STATE.cancelled) return 'refused'
  const key = keyOf(task)
  const isHeld = key !== null && held.has(key)
  if (isHeld && (task.flags & FLAG.keyWaits) === 0) return 'key-held'
  if (key !== null) held.add(key)
  const began = task.restartedAt ?? task.enqueuedAt
  const { generation } = countersOf(task)
  if (task.startBy !== null) task.startBy += now - began
  if (task.deadlineAt !== null) task.deadlineAt += now - began
  task.restartedAt = now
  comeBack(pass, task)
  task.runAt = now
  task.finishedAt = null
  task.reason = null
  task.flags &= ~FLAG.held
  task.cancel = null
  setError(task, null)
  setCounters(task, { ...countersOf({ counters: null }), generation: generation + 1 })
  newEpoch(task)
  if (payload !== null) replacePayload(pass, draft, payload)
  await keepParents(pass, task)
  tell(pass, draft, { event: 'restarted' })
  return 'changed'
}

/** As long as the task lives again, retention leaves its parents alone; it does not wait for them any more. */
async function keepParents({ connection }: Pass, { id, parents: json }: Task): Promise<void> {
  if (json === null) return
  const parents = JSON.parse(json) as [TaskId, IfFailed][]
  await connection.run(ADD_EDGES, [
    uuids(parents.map(([parent]) => parent)),
    uuids(parents.map(() => id)),
    parents.map(([, ifFailed]) => ifFailedCode(ifFailed)),
    parents.map(() => false),
  ])
}

function isWaiting({ task }: Draft): boolean {
  return task.state === STATE.blocked || task.state === STATE.pending
}

/** An edit that changes nothing is allowed as another one, and leaves no trace but its mark. */
function hold(pass: Pass, draft: Draft, event: 'held' | 'released'): CommandOutcome {
  if (!isWaiting(draft)) return 'refused'
  const { task } = draft
  const isHeld = (task.flags & FLAG.held) !== 0
  if (isHeld !== (event === 'held')) tell(pass, draft, { event })
  task.flags = event === 'held' ? task.flags | FLAG.held : task.flags & ~FLAG.held
  return 'changed'
}

function edit(pass: Pass, draft: Draft, change: Edit): CommandOutcome {
  if (!isWaiting(draft)) return 'refused'
  const { task } = draft
  const parts = editedParts(task, change)
  if (parts.length > 0) tell(pass, draft, { event: 'edited', detail: parts.join(', ') })
  task.level = change.level ?? task.level
  task.runAt = change.runAt ?? task.runAt
  if (change.payload !== null) replacePayload(pass, draft, change.payload)
  return 'changed'
}

/** The checkpoint belongs to the payload. */
function replacePayload(pass: Pass, draft: Draft, payload: Payload): void {
  draft.task.size = sizeOf(payload)
  pass.payloads.set(draft.task.id, columnsOf(payload))
  setCheckpoint(pass, draft, null)
}

export async function configureQueue(
  home: Home,
  { queue, paused, by = null, retention }: QueueSettings,
): Promise<void> {
  await home.names.queues.name([queue])
  await inPass(home, async ({ connection, now, hint }) => {
    const [[key, was] = [0, false]] = await connection.rows<[number, boolean]>(CONFIGURE, [queue])
    if (retention !== undefined) {
      await connection.run(SET_RETENTION, [retention === null ? null : JSON.stringify(retention), key])
    }
    if (paused === true) await connection.run(PAUSE, [now, by, key])
    if (paused === false) await connection.run(RESUME, [key])
    if (was && paused === false) hint.ready = true
  })
}
