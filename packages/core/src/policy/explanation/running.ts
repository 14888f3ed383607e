/** What a task is doing that runs. */
import { attemptsMax, type TaskFacts } from './facts.ts'
import { suspect, timeLimits } from './notes.ts'
import type { Reason } from './reasons.ts'

export function whyRunning(facts: TaskFacts): readonly Reason[] {
  const { task } = facts
  const { cancel, progress } = task
  const asked: readonly Reason[] =
    cancel === null ? [] : [{ code: 'cancel-requested', at: cancel.at, reason: cancel.reason }]
  return [
    ...timeLimits(facts, 'over'),
    ...asked,
    whereRunning(facts),
    ...(progress === null ? [] : [{ code: 'progress', ...progress } as const]),
    ...suspect(facts),
    ...timeLimits(facts, 'ahead'),
  ]
}

function whereRunning({ task, sessions }: TaskFacts): Reason {
  const { session: id, startedAt, counters } = task
  const session = sessions.find((one) => one.session === id)
  if (session === undefined) return { code: 'lease-lapsed', session: id }
  return {
    code: 'running',
    session: session.session,
    host: session.host,
    pid: session.pid,
    since: startedAt!,
    leaseUntil: session.expiresAt,
    attempt: counters.failures + 1,
    attempts: attemptsMax(task),
  }
}
