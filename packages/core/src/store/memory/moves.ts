/**
 * Moves a task as the lifecycle allows it: the only place where a task changes its state. What belongs to a
 * state, or to being alive at all, comes and goes here, in the same step.
 */
import {
  claimsAddUp,
  countersAfter,
  openClaimsAfter,
  step,
  type Operation,
  type Step,
} from '../../policy/lifecycle.ts'
import { HISTORY_DETAIL_MAX, HISTORY_ENTRIES_MAX, type SessionId } from '../records.ts'
import { closeEdgesTo, parentEnded, pinParents, unpinParents } from './edges.ts'
import { leaveGate } from './gates.ts'
import { moveKey } from './keys.ts'
import { uncount } from './limits.ts'
import { enter, enterLine, leave } from './places.ts'
import { joinSeries, leaveSeries } from './series.ts'
import { isFinal, isLive, type Task } from './task.ts'
import type { Pass } from './home.ts'

export interface Move {
  readonly operation: Operation
  /** What changes besides what the lifecycle says. */
  readonly set?: Partial<Settable> | undefined
  /** The session that does it, or whose lease it is; left out for operators and the upkeep. */
  readonly by?: SessionId | undefined
  /** For the history. */
  readonly detail?: string | null | undefined
}

type Settable = Pick<
  Task,
  | 'level'
  | 'held'
  | 'payload'
  | 'result'
  | 'checkpoint'
  | 'runAt'
  | 'startBy'
  | 'deadlineAt'
  | 'startedAt'
  | 'reason'
  | 'error'
  | 'cancel'
  | 'ownership'
>

/** What was done; `null` if the lifecycle does not allow it, and then nothing was. */
export function move(pass: Pass, task: Task, change: Move): Step | null {
  const from = task.state
  const taken = step(from, change.operation, task.cancel !== null)
  if (taken === null) return null
  leave(pass.home, task)
  if (from === 'running' && taken.to !== 'running') uncount(pass, task)
  if (isLive(from) && !isLive(taken.to)) endLife(pass, task, taken)
  Object.assign(task, change.set)
  take(pass, task, taken)
  if (isLive(taken.to) && !isLive(from)) beginLife(pass, task)
  moveKey(pass, task, from)
  record(pass, task, { event: taken.event, ...change })
  enter(pass, task)
  if (!claimsAddUp(task.counters, task.openClaims)) {
    throw new Error(`the claims of task ${task.spec.id} do not add up after ${change.operation} from ${from}`)
  }
  return taken
}

/** What the lifecycle says. */
function take(pass: Pass, task: Task, taken: Step): void {
  const from = task.state
  task.openClaims = openClaimsAfter(task.openClaims, from, taken)
  task.counters = countersAfter(task.counters, taken)
  if (taken.newEpoch) task.epoch += 1
  task.reason = taken.to === 'failed' ? (taken.reason ?? task.reason) : null
  task.finishedAt = isFinal(taken.to) ? pass.now : null
  if (taken.to === from) return
  task.state = taken.to
  task.since = ++pass.home.changes
}

/** What lives stands in its series, and keeps its parents from being forgotten. */
function beginLife({ home }: Pass, task: Task): void {
  joinSeries(home, task)
  pinParents(home, task)
}

/** What has ended lets the next of its series go, keeps no parent, waits for nobody any more, and nobody for it. */
function endLife(pass: Pass, task: Task, { to }: Step): void {
  const { home } = pass
  const { id } = task.spec
  const next = leaveSeries(home, task)
  if (next !== undefined) enterLine(pass, next)
  unpinParents(home, task)
  closeEdgesTo(home, task)
  leaveGate(home, task)
  task.blockers = 0
  task.triggers = 0
  parentEnded(home, id, isFinal(to) ? to : 'cancelled')
  pass.hint.settled = true
}

function record(pass: Pass, task: Task, { event, by, detail }: Move & Pick<Step, 'event'>): void {
  if (event === null) return
  const entry = {
    at: pass.now,
    event,
    epoch: task.epoch,
    session: by ?? null,
    detail: detail === undefined || detail === null ? null : shortened(detail),
  }
  task.history.push(Object.freeze(entry))
  if (task.history.length > HISTORY_ENTRIES_MAX) task.history.shift()
}

/** Cut so that no character is torn apart. */
function shortened(detail: string): string {
  if (detail.length <= HISTORY_DETAIL_MAX) return detail
  const cut = detail.slice(0, HISTORY_DETAIL_MAX)
  return cut.isWellFormed() ? cut : cut.slice(0, -1)
}
