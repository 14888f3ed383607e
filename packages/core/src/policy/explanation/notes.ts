/** What is worth knowing beside what keeps a task. */
import { isSuspect } from '../outcome.ts'
import { attemptsMax, briefOf, type TaskFacts } from './facts.ts'
import type { Reason, TimeLimit } from './reasons.ts'

/** Another task has the key that this one would hold. */
export function keyHeld({ task, keyHolder }: TaskFacts): readonly Reason[] {
  if (task.uniqueKey === null || keyHolder === null) return []
  return [{ code: 'key-held', key: task.uniqueKey, by: keyHolder }]
}

/** Of a task that is due: the failure that it comes back from. */
export function retrying({ task }: TaskFacts): readonly Reason[] {
  const { counters, error } = task
  if (counters.failures === 0) return []
  return [
    { code: 'retrying', attempt: counters.failures + 1, attempts: attemptsMax(task), error: briefOf(error) },
  ]
}

export function suspect({ task: { counters } }: TaskFacts): readonly Reason[] {
  return isSuspect(counters) ? [{ code: 'suspect', crashes: counters.crashes }] : []
}

/** The time limits of a task that has not ended, the first that passes first. */
export function timeLimits(facts: TaskFacts, when: 'over' | 'ahead'): readonly Reason[] {
  return limitsOf(facts)
    .filter(({ at }) => (at <= facts.now ? 'over' : 'ahead') === when)
    .toSorted((one, other) => one.at - other.at)
    .map((limit) => ({ code: when === 'over' ? 'time-over' : 'time-limit', ...limit }))
}

interface Limited {
  readonly limit: TimeLimit
  readonly at: number
}

function limitsOf({ task }: TaskFacts): readonly Limited[] {
  const { state, startBy, deadlineAt, timeoutMs, startedAt, counters } = task
  const limits: Limited[] = []
  // a claim that was returned did not start it
  const isUnstarted = state !== 'running' && counters.claims === counters.returns
  if (startBy !== null && isUnstarted) limits.push({ limit: 'startBy', at: startBy })
  if (deadlineAt !== null) limits.push({ limit: 'deadline', at: deadlineAt })
  if (state === 'running' && timeoutMs !== null && startedAt !== null)
    limits.push({ limit: 'timeout', at: startedAt + timeoutMs })
  return limits
}
