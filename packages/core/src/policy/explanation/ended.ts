/** Why a task is not there, or ended as it did. */
import { attemptOf } from '../attempts.ts'
import { attemptsMax, briefOf, NAMED_MAX, type Facts, type TaskFacts } from './facts.ts'
import { keyHeld } from './notes.ts'
import type { EndReason, Reason } from './reasons.ts'
import type { REPLACED as replaced, TaskRecord } from '../../store/records.ts'

export function whyAbsent({ buried }: Facts): readonly Reason[] {
  return [buried === null ? { code: 'unknown' } : { code: 'removed', state: buried }]
}

export function whyEnded(facts: TaskFacts): readonly Reason[] {
  return [...howEnded(facts), ...keyHeld(facts)]
}

function howEnded(facts: TaskFacts): readonly Reason[] {
  const { task } = facts
  switch (task.state) {
    case 'succeeded':
      return [succeeded(task)]
    case 'failed':
      return [failed(task), ...(task.reason === 'dependency' ? unsuccessful(facts) : [])]
    default: {
      const end = cancelled(task)
      return [end, ...(end.cause === 'parents' ? unsuccessful(facts) : [])]
    }
  }
}

function succeeded(task: TaskRecord): EndReason {
  const { startedAt, finishedAt } = task
  const tookMs = startedAt === null ? null : finishedAt! - startedAt
  return { code: 'succeeded', at: finishedAt!, attempt: attemptOf(task), tookMs }
}

function failed(task: TaskRecord): EndReason {
  const { deadlineAt, finishedAt, reason, error, counters } = task
  const isLate = deadlineAt !== null && finishedAt! >= deadlineAt
  return {
    code: 'failed',
    reason: reason!,
    at: finishedAt!,
    attempt: attemptOf(task),
    attempts: attemptsMax(task),
    error: briefOf(error),
    crashes: counters.crashes,
    timedOut: reason === 'timeout' ? (isLate ? 'deadline' : 'attempt') : null,
  }
}

type Cancelled = Extract<EndReason, { code: 'cancelled' }>

function cancelled({ cancel, finishedAt, history }: TaskRecord): Cancelled {
  const at = finishedAt!
  if (cancel === null) return { code: 'cancelled', at, cause: 'parents', reason: null, by: null }
  const { reason } = cancel
  const last = history.findLast(({ event }) => event === 'cancelled')
  const [, by] = REPLACED_BY.exec(last?.detail ?? '') ?? []
  if (reason !== REPLACED || by === undefined)
    return { code: 'cancelled', at, cause: 'request', reason, by: null }
  return { code: 'cancelled', at, cause: 'replaced', reason: null, by }
}

/** What stores write when one task takes the place of another: as the reason, and into the history. */
const REPLACED: typeof replaced = 'replaced'
const REPLACED_BY = /^replaced by ([0-9a-f-]{36})$/

/** Of those, a task with triggers waits for none but a failure. */
function unsuccessful({ parents }: TaskFacts): readonly Reason[] {
  const found = parents.filter(({ state, ifFailed }) => {
    const failed = state === 'failed' || state === 'cancelled' || state === 'gone'
    return ifFailed === 'trigger' ? !failed : failed && ifFailed !== 'run'
  })
  if (found.length === 0) return []
  return [{ code: 'parents-unsuccessful', parents: found.slice(0, NAMED_MAX), count: found.length }]
}
