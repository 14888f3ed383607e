/** Which attempt a task is at, as readers are told. */
import type { TaskState, TaskSummary } from '../store/records.ts'

/**
 * The attempt that runs or comes next, from 1; of a task that has ended the last one that certainly ran, and
 * 0 if none did: never one that only would have come.
 */
export function attemptOf({
  state,
  reason,
  counters,
}: Pick<TaskSummary, 'state' | 'reason' | 'counters'>): number {
  const { claims, failures, crashes, returns, snoozes, parks } = counters
  if (!isFinal(state)) return failures + 1
  // its last claim ended without counting: by success, by giving way, by a failure that is none of the attempt's
  const endedFromRunning = claims > failures + crashes + returns + snoozes + parks
  if (endedFromRunning || reason === 'crashed') return failures + 1
  if (failures > 0) return failures
  return claims > returns ? 1 : 0
}

function isFinal(state: TaskState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled'
}
