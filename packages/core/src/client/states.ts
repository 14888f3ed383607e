/** Which states tasks are in, however many they are, and however large their results. */
import { LIMITS } from '../task/limits.ts'
import type { Store } from '../store/port.ts'
import type { TaskId, TaskOutcome, TaskState } from '../store/records.ts'

/** Results come with what is asked of tasks: so many bytes of them a trip. */
const BYTES_MAX = 1_048_576

/** @returns the states of those that the store knows of, be it by a tombstone */
export async function statesOf(
  ids: readonly TaskId[],
  outcomesOf: (request: Parameters<Store['outcomes']>[0]) => ReturnType<Store['outcomes']>,
): Promise<ReadonlyMap<TaskId, TaskState>> {
  const states = new Map<TaskId, TaskState>()
  for (let from = 0; from < ids.length;) {
    const some = ids.slice(from, from + LIMITS.batchTasks)
    const outcomes = await outcomesOf({ ids: some, bytesMax: BYTES_MAX })
    const later = outcomes.indexOf('later')
    const answered = outcomes.slice(0, later < 0 ? undefined : later) as readonly (TaskOutcome | null)[]
    for (const [index, outcome] of answered.entries())
      if (outcome !== null) states.set(some[index]!, outcome.state)
    from += answered.length
  }
  return states
}
