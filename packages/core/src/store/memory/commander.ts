/** Applies the commands of operators, each task by itself. */
import { step } from '../../policy/lifecycle.ts'
import { answerOverFilter, answerOverIds, editedParts, isChange } from '../command-answers.ts'
import { frozenCopy } from './copies.ts'
import { tellDependents } from './dependents.ts'
import { cursorNumbers, fitsFilter } from './filters.ts'
import { queueOf, type Pass } from './home.ts'
import { move } from './moves.ts'
import { removeTask } from './remover.ts'
import { timeLimits, type Mark, type Task } from './task.ts'
import { tombstoneOf } from './tombstones.ts'
import type {
  Command,
  CommandAnswer,
  CommandOutcome,
  CommandRequest,
  Edit,
  QueueSettings,
  TaskFilter,
} from '../control.ts'
import type { TaskId } from '../records.ts'

type Order = Pick<CommandRequest, 'command' | 'nonce'>

export function command(pass: Pass, request: CommandRequest): CommandAnswer {
  const { target } = request
  const answer = 'ids' in target ? byIds(pass, request, target.ids) : byFilter(pass, request, target)
  tellDependents(pass)
  return answer
}

function byIds(pass: Pass, order: Order, ids: readonly TaskId[]): CommandAnswer {
  const outcomes = ids.map((id) => {
    const task = pass.home.tasks.get(id)
    return task === undefined ? markOutcome(tombstoneOf(pass, id)?.mark, order) : obey(pass, task, order)
  })
  return answerOverIds(outcomes)
}

/**
 * Goes through the tasks in the order of their arrival. The cursor holds the number of the last one that was
 * looked at, and the number of the last change before the first call.
 */
function byFilter(
  pass: Pass,
  request: CommandRequest,
  target: { readonly filter: TaskFilter; readonly cursor: string | null },
): CommandAnswer {
  const { home } = pass
  const [last = 0, until = home.changes] = target.cursor === null ? [] : cursorNumbers(target.cursor, 2)
  const seen: Task[] = []
  let more = false
  for (const task of home.arrivals.after(last)) {
    more = seen.length >= request.tasksMax
    if (more) break
    seen.push(task)
  }
  const meant = seen.filter((task) => {
    const marked = markOutcome(task.mark, request) !== undefined
    return marked || (task.since <= until && fitsFilter(task, target.filter))
  })
  const outcomes = meant.map((task) => obey(pass, task, request))
  const cursor = more ? `${seen.at(-1)?.seq ?? last}:${until}` : null
  return answerOverFilter(outcomes, cursor)
}

function markOutcome(mark: Mark | null | undefined, { nonce }: Order): CommandOutcome | undefined {
  return mark?.nonce === nonce ? mark.outcome : undefined
}

function obey(pass: Pass, task: Task, order: Order): CommandOutcome {
  const before = markOutcome(task.mark, order)
  if (before !== undefined) return before
  const outcome = apply(pass, task, order)
  // what was refused wrote nothing, not even a mark: a repeat is judged anew
  if (isChange(outcome)) task.mark = { nonce: order.nonce, outcome }
  return outcome
}

function apply(pass: Pass, task: Task, { command: what, nonce }: Order): CommandOutcome {
  switch (what.kind) {
    case 'cancel':
      return cancel(pass, task, what.reason)
    case 'retry':
      return restart(pass, task, what)
    case 'remove':
      return removeTask(pass, task, { nonce, outcome: 'changed' }) ? 'changed' : 'refused'
    case 'hold':
      return hold(pass, task, true)
    case 'release':
      return hold(pass, task, false)
    case 'edit':
      return edit(pass, task, what)
  }
}

/** Also what a schedule does to its last run. */
export function cancel(pass: Pass, task: Task, reason: string | null): CommandOutcome {
  if (task.state === 'running' && task.cancel !== null) return 'requested'
  const set = { cancel: Object.freeze({ reason, at: pass.now }) }
  if (move(pass, task, { operation: 'cancel', set, detail: reason }) !== null) return 'changed'
  if (move(pass, task, { operation: 'request-cancel', set, detail: reason }) === null) return 'refused'
  pass.hint.cancel = true
  return 'requested'
}

function restart(pass: Pass, task: Task, { payload }: Extract<Command, { kind: 'retry' }>): CommandOutcome {
  if (step(task.state, 'restart', false) === null) return 'refused'
  const { unique } = task.spec
  if (unique?.while === 'live' && pass.home.keys.has(unique.key)) return 'key-held'
  const set = {
    held: false,
    cancel: null,
    error: null,
    ownership: null,
    runAt: pass.now,
    ...timeLimits(task.spec, pass.now),
    ...(payload === null ? {} : { payload: frozenCopy(payload), checkpoint: null }),
  }
  move(pass, task, { operation: 'restart', set })
  return 'changed'
}

/** A hold of what is held changes nothing, and leaves no trace. */
function hold(pass: Pass, task: Task, held: boolean): CommandOutcome {
  const operation = held ? 'hold' : 'release'
  if (step(task.state, operation, false) === null) return 'refused'
  if (held !== task.held) move(pass, task, { operation, set: { held } })
  return 'changed'
}

function edit(pass: Pass, task: Task, change: Edit): CommandOutcome {
  if (step(task.state, 'edit', false) === null) return 'refused'
  const parts = editedParts(task, change)
  if (parts.length === 0) return 'changed'
  const { payload, level, runAt } = change
  const set = {
    level: level ?? task.level,
    runAt: runAt ?? task.runAt,
    ...(payload === null ? {} : { payload: frozenCopy(payload), checkpoint: null }),
  }
  move(pass, task, { operation: 'edit', set, detail: parts.join(', ') })
  return 'changed'
}

export function configureQueue(
  { home, now, hint }: Pass,
  { queue: name, paused, by = null, retention }: QueueSettings,
): void {
  const queue = queueOf(home, name)
  queue.configured = true
  if (retention !== undefined) queue.retention = frozenCopy(retention)
  if (paused === undefined) return
  if (queue.paused !== null && !paused) hint.ready = true
  queue.paused = paused ? (queue.paused ?? { at: now, by }) : null
}
