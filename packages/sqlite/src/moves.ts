/**
 * Moves a task on its slow way as core's lifecycle allows it. What goes in bulk (add, claim, success) has
 * statements of its own.
 */
import {
  claimsAddUp,
  countersAfter,
  openClaimsAfter,
  step,
  type FailReason,
  type Operation,
  type Step,
  type TaskState,
  stateOf,
  STATE,
} from '@millrace/core/store'
import { countersOf, end, setCounters, stateNow, tell, type Draft, type Task } from './tasks.ts'
import type { Pass } from './home.ts'

export interface Move {
  readonly operation: Operation
  /** The session that does it, or whose lease it is; left out for operators and the upkeep. */
  readonly by?: number | null
  /** For the history. */
  readonly detail?: string | null | undefined
  /** Of a failure, where the operation alone does not say it. */
  readonly reason?: FailReason
}

/** Whether the lifecycle allows an operation on a task as it is now. */
export function allows({ task }: Draft, operation: Operation): boolean {
  return step(stateOf(stateNow(task)), operation, false) !== null
}

/** What was done; `null` if the lifecycle does not allow it, and then nothing was. It is for the caller to save. */
export function move(pass: Pass, draft: Draft, { operation, by, detail, reason }: Move): Step | null {
  const { task } = draft
  const from = stateOf(stateNow(task))
  const taken = step(from, operation, task.cancel !== null)
  if (taken === null) return null
  count(task, from, taken)
  if (from === 'running' && taken.to !== 'running') stop(task)
  if (taken.newEpoch) renewEpoch(task)
  if (taken.to !== from) enter(pass, draft, { ...taken, reason: taken.reason ?? reason ?? null })
  if (taken.event !== null) tell(pass, draft, { event: taken.event, session: by ?? null, detail })
  return taken
}

/** The row counts the claims that have ended; one that runs, or ended in success, is counted in no row. */
function count(task: Task, from: TaskState, taken: Step): void {
  const ended = countersOf(task)
  const runs = from === 'running'
  const before = runs ? { ...ended, claims: ended.claims + 1 } : ended
  const after = countersAfter(before, taken)
  if (!claimsAddUp(after, openClaimsAfter(runs ? 1 : 0, from, taken))) {
    throw new Error(`the claims of task ${task.id} do not add up on the way from ${from} to ${taken.to}`)
  }
  if (taken.to === 'running' || taken.to === 'succeeded') return
  if (runs || after !== before) setCounters(task, after)
}

/** The claim is over: from now on the row tells the epoch. */
function stop(task: Task): void {
  task.epoch = task.runEpoch!
  task.owner = null
}

/** Every older fence is void, and nobody holds the new one. */
function renewEpoch(task: Task): void {
  task.epoch += 1
  task.nonce = null
  task.settled = null
}

function enter(pass: Pass, draft: Draft, { to, reason }: Step): void {
  const { task } = draft
  if (to === 'absent') throw new Error(`task ${task.id} is removed in another way`)
  if (STATE[to] >= STATE.succeeded) {
    end(pass, draft, { state: STATE[to], ...(reason === null ? {} : { reason }) })
    return
  }
  task.state = STATE[to]
  task.finishedAt = null
  task.reason = null
}
