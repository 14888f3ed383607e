/** When a task that waits will start, as far as that can be told. */
import { fitting, slotsOf } from './workers.ts'
import type { TaskFacts } from './facts.ts'
import type { Reason } from './reasons.ts'

/** When a task is thought to start: a guess from what was started lately. */
export interface Estimate {
  /** Store time. */
  readonly startsAt: number
  /** `at least`: it is not due yet, or there are more tasks before it than were counted. */
  readonly bound: 'about' | 'at least'
}

/**
 * Of a task that is due: `r` is the mean run time of the tasks of its queue that ended last (a hundred at most), `s` the
 * handlers that workers which may take it can run at the same time, `f` how many of these are free, and `n` how many tasks come
 * before it. Is `n < f` it starts now, else in `r × (n + 1 - f) / s`. Other queues that these workers serve are not
 * reckoned with, nor limits that open and close meanwhile. A task that waits for a time (its own, that of a limit, of a breaker) starts
 * then at the earliest.
 *
 * `undefined`: nobody can tell, because something keeps it for as long as somebody likes (an operator, another task, a slot
 * of a limit, a worker that is not there), or no task of its queue has run yet.
 */
export function estimateOf(facts: TaskFacts, reasons: readonly Reason[]): Estimate | undefined {
  if (facts.task.state !== 'pending') return undefined
  let startsAt = facts.now
  for (const reason of reasons) {
    const at = opensAt(reason)
    if (at === null) return undefined
    startsAt = Math.max(startsAt, at)
  }
  const before = facts.standing?.before ?? null
  if (before === null) return { startsAt, bound: 'at least' }
  const waitMs = waitFor(facts, before.higher + before.same)
  if (waitMs === undefined) return undefined
  return {
    startsAt: Math.max(startsAt, facts.now + waitMs),
    bound: before.counted === 'all' ? 'about' : 'at least',
  }
}

/** When a reason is none any more; 0: it keeps the task no longer than others do; `null`: who knows. */
function opensAt(reason: Reason): number | null {
  switch (reason.code) {
    case 'backoff':
    case 'crash-backoff':
    case 'snoozed':
    case 'due-later':
      return reason.dueAt
    case 'breaker-open':
    case 'limit-shut':
    case 'rate-full':
    case 'prefers':
      return reason.until
    case 'workers-busy':
    case 'behind':
    case 'takes-turns':
    case 'next':
    case 'retrying':
    case 'suspect':
    case 'key-held':
    case 'time-limit':
      return 0
    default:
      return null
  }
}

function waitFor(facts: TaskFacts, count: number): number | undefined {
  const { slots, free } = slotsOf(fitting(facts))
  if (count < free) return 0
  const runMs = meanRunMs(facts)
  if (runMs === undefined || slots === 0) return undefined
  return Math.round((runMs * (count + 1 - free)) / slots)
}

function meanRunMs({ recent }: TaskFacts): number | undefined {
  const runs = recent.flatMap(({ startedAt, finishedAt }) =>
    startedAt === null || finishedAt === null ? [] : [finishedAt - startedAt],
  )
  if (runs.length === 0) return undefined
  return runs.reduce((sum, runMs) => sum + runMs, 0) / runs.length
}
