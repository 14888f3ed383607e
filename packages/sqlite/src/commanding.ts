/** Applies the commands of operators, each task by itself. */
import {
  ifFailedCode,
  answerOverFilter,
  answerOverIds,
  editedParts,
  isChange,
  type Command,
  type CommandAnswer,
  type CommandOutcome,
  type CommandRequest,
  type Edit,
  type IfFailed,
  type Payload,
  type QueueSettings,
  type TaskFilter,
  type TaskId,
} from '@millrace/core/store'
import { idBytes } from './codes.ts'
import { tellDependents } from './dependents.ts'
import { cursorNumbers, matchesSince, matchOf, type Match } from './filters.ts'
import {
  CONFIGURED,
  MATCHING,
  NEXT_SEQ,
  PAUSE,
  RESUME,
  REQUEST_CANCEL,
  SET_RETENTION,
} from './statements/control.ts'
import { KEY_HELD } from './statements/keys.ts'
import { ADD_EDGE, PARENTS_OF } from './statements/dependents.ts'
import { RAISE_FLOOR } from './statements/sessions.ts'
import { FIND_TOMBSTONE } from './statements/tasks.ts'
import { allows, move } from './moves.ts'
import {
  draftOf,
  EXTRA,
  isRunning,
  lastSeq,
  putCheckpoint,
  putPayload,
  remove,
  save,
  seqOf,
  setError,
  type Draft,
  type Task,
} from './tasks.ts'
import type { Pass } from './home.ts'

/** How far a call goes through the arrivals, so that it ends soon even where hardly any task matches. */
const STRETCH = 50_000

type Order = Pick<CommandRequest, 'command' | 'nonce'>

export function command(pass: Pass, request: CommandRequest): CommandAnswer {
  const { target } = request
  const answer = 'ids' in target ? byIds(pass, request, target.ids) : byFilter(pass, request, target)
  tellDependents(pass)
  return answer
}

function byIds(pass: Pass, order: Order, ids: readonly TaskId[]): CommandAnswer {
  const outcomes = ids.map((id) => {
    const seq = seqOf(pass, id)
    return seq === undefined ? buriedOutcome(pass, order, id) : obey(pass, draftOf(pass, seq)!, order)
  })
  return answerOverIds(outcomes)
}

function buriedOutcome({ database, now }: Pass, order: Order, id: TaskId): CommandOutcome | undefined {
  const row = database.get<[digest: string, state: number, mark: string | null]>(
    FIND_TOMBSTONE,
    idBytes(id),
    now,
  )
  return row === undefined ? undefined : markOutcome(row[2], order)
}

interface FilterTarget {
  readonly filter: TaskFilter
  readonly cursor: string | null
}

/**
 * Goes through the tasks in the order of their arrival. The cursor holds the last one that was looked at, and
 * the time of the first call.
 */
function byFilter(pass: Pass, request: CommandRequest, { filter, cursor }: FilterTarget): CommandAnswer {
  const { database, now, clock } = pass
  const [last = 0, until = now] = cursor === null ? [] : cursorNumbers(cursor, 2)
  if (cursor === null) {
    // what comes into its state from now on is told apart from what was there by its time
    clock.raise(now + 1)
    database.run(RAISE_FLOOR, now + 1)
  }
  const match = matchOf(pass, filter)
  const { seqs, next } = lookOn(pass, { match, last, request })
  const outcomes = seqs.map((seq) => obeyIfMeant(pass, seq, { request, filter, until }))
  const known = outcomes.filter((outcome) => outcome !== undefined)
  return answerOverFilter(known, next === null ? null : `${next}:${until}`)
}

interface Looking {
  readonly match: Match
  readonly last: number
  readonly request: CommandRequest
}

/** The next tasks that may be meant, and the last seq looked at; `null`: there are no more. */
function lookOn(
  pass: Pass,
  { match, last, request }: Looking,
): { seqs: readonly number[]; next: number | null } {
  const { database } = pass
  const first = database.get<[number | null]>(NEXT_SEQ, last)![0]
  if (first === null) return { seqs: [], next: null }
  const to = first + STRETCH
  const rows = database.all<[number]>(
    MATCHING,
    last,
    to,
    JSON.stringify(match.queue === undefined ? [] : match.states),
    `${request.nonce}:*`,
    match.queue ?? null,
    match.routes,
    request.tasksMax + 1,
  )
  const seqs = rows.slice(0, request.tasksMax).map(([seq]) => seq)
  if (rows.length > seqs.length) return { seqs, next: seqs.at(-1) ?? last }
  return { seqs, next: lastSeq(pass) > to ? to : null }
}

interface Meant {
  readonly request: CommandRequest
  readonly filter: TaskFilter
  readonly until: number
}

function obeyIfMeant(pass: Pass, seq: number, { request, filter, until }: Meant): CommandOutcome | undefined {
  const draft = draftOf(pass, seq)
  if (draft === undefined) return undefined
  const marked = markOutcome(draft.task.mark, request) !== undefined
  return marked || matchesSince(pass, draft.task, { filter, until }) ? obey(pass, draft, request) : undefined
}

function markOutcome(mark: string | null, { nonce }: Order): CommandOutcome | undefined {
  if (mark === null || !mark.startsWith(`${nonce}:`)) return undefined
  return mark.slice(nonce.length + 1) as CommandOutcome
}

function obey(pass: Pass, draft: Draft, order: Order): CommandOutcome {
  const before = markOutcome(draft.task.mark, order)
  if (before !== undefined) return before
  if (order.command.kind === 'remove') return bury(pass, draft, order)
  const outcome = apply(pass, draft, order.command)
  // what was refused wrote nothing, not even a mark: a repeat is judged anew
  if (!isChange(outcome)) return outcome
  draft.task.mark = `${order.nonce}:${outcome}`
  save(pass, draft)
  return outcome
}

function bury(pass: Pass, draft: Draft, { nonce }: Order): CommandOutcome {
  if (!allows(draft, 'remove')) return 'refused'
  remove(pass, draft, `${nonce}:changed`)
  return 'changed'
}

function apply(pass: Pass, draft: Draft, what: Exclude<Command, { kind: 'remove' }>): CommandOutcome {
  switch (what.kind) {
    case 'cancel':
      return cancel(pass, draft, what.reason)
    case 'retry':
      return restart(pass, draft, what)
    case 'hold':
      return hold(pass, draft, 1)
    case 'release':
      return hold(pass, draft, 0)
    case 'edit':
      return edit(pass, draft, what)
  }
}

/** Also what a schedule does to its last run. Whoever calls it saves the draft. */
export function cancel(pass: Pass, draft: Draft, reason: string | null): CommandOutcome {
  const { task } = draft
  const runs = isRunning(task)
  if (runs && task.cancel !== null) return 'requested'
  if (move(pass, draft, { operation: runs ? 'request-cancel' : 'cancel', detail: reason }) === null)
    return 'refused'
  task.cancel = JSON.stringify({ reason, at: pass.now })
  if (!runs) return 'changed'
  pass.database.run(REQUEST_CANCEL, pass.now, task.seq)
  pass.hint.cancel = true
  return 'requested'
}

function restart(pass: Pass, draft: Draft, { payload }: Extract<Command, { kind: 'retry' }>): CommandOutcome {
  const { task } = draft
  const { database, now } = pass
  if (!allows(draft, 'restart')) return 'refused'
  const needsKey = task.uniqueKey !== null && (task.extra & EXTRA.key) === 0
  if (needsKey && database.get(KEY_HELD, task.uniqueKey) !== undefined) return 'key-held'
  const began = task.restartedAt ?? task.enqueuedAt
  if (task.startBy !== null) task.startBy += now - began
  if (task.deadlineAt !== null) task.deadlineAt += now - began
  task.restartedAt = now
  task.runAt = now
  task.held = 0
  task.cancel = null
  setError(task, null)
  move(pass, draft, { operation: 'restart' })
  if (payload !== null) replacePayload(pass, task, payload)
  keepParents(pass, task)
  return 'changed'
}

/** As long as the task lives again, retention leaves its parents alone; it does not wait for them any more. */
function keepParents(pass: Pass, { seq }: Task): void {
  const [parents] = pass.database.get<[string | null]>(PARENTS_OF, seq)!
  if (parents === null) return
  for (const [id, ifFailed] of JSON.parse(parents) as [TaskId, IfFailed][]) {
    const parent = seqOf(pass, id)
    if (parent !== undefined) pass.database.run(ADD_EDGE, parent, 0, seq, ifFailedCode(ifFailed))
  }
}

/** A hold of what is held changes nothing, and leaves no trace but its mark. */
function hold(pass: Pass, draft: Draft, held: 0 | 1): CommandOutcome {
  const operation = held === 1 ? 'hold' : 'release'
  if (!allows(draft, operation)) return 'refused'
  if (held !== draft.task.held) move(pass, draft, { operation })
  draft.task.held = held
  return 'changed'
}

function edit(pass: Pass, draft: Draft, change: Edit): CommandOutcome {
  const { task } = draft
  if (!allows(draft, 'edit')) return 'refused'
  const parts = editedParts(task, change)
  if (parts.length > 0) move(pass, draft, { operation: 'edit', detail: parts.join(', ') })
  const { payload, level, runAt } = change
  task.level = level ?? task.level
  task.runAt = runAt ?? task.runAt
  if (payload !== null) replacePayload(pass, task, payload)
  return 'changed'
}

/** The checkpoint belongs to the payload. */
function replacePayload(pass: Pass, task: Task, payload: Payload): void {
  putPayload(pass, task, payload)
  putCheckpoint(pass, task, null)
}

export function configureQueue(
  pass: Pass,
  { queue: name, paused, by = null, retention }: QueueSettings,
): null {
  const { database, names, now, hint } = pass
  const queue = names.queue(name)
  database.run(CONFIGURED, queue.key)
  if (retention !== undefined) {
    database.run(SET_RETENTION, retention === null ? null : JSON.stringify(retention), queue.key)
  }
  if (paused !== undefined) {
    if (paused) database.run(PAUSE, now, by, queue.key)
    else database.run(RESUME, queue.key)
    if (queue.paused && !paused) hint.ready = true
  }
  names.queueChanged(name)
  return null
}
