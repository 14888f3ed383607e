/** What became of tasks, however many they are, and however large their results. */
import { LIMITS } from '../task/limits.ts'
import type { Line } from './context.ts'
import type { TaskId, TaskOutcome } from '../store/records.ts'

/** In the order of the ids; `null` of a task that nobody remembers. */
export async function readOutcomes(
  connection: Line,
  ids: readonly TaskId[],
): Promise<readonly (TaskOutcome | null)[]> {
  const outcomes: (TaskOutcome | null)[] = []
  for await (const some of outcomesInParts(connection, ids)) outcomes.push(...some)
  return outcomes
}

/** The same in parts of 8 MiB at most, so that whoever has enough can stop. */
export async function* outcomesInParts(
  connection: Line,
  ids: readonly TaskId[],
): AsyncGenerator<readonly (TaskOutcome | null)[]> {
  for (let read = 0; read < ids.length;) {
    const some = ids.slice(read, read + LIMITS.batchTasks)
    const answers = await connection.read(
      (store) => store.outcomes({ ids: some, bytesMax: LIMITS.batchBytes }),
      'insists',
    )
    const later = answers.indexOf('later')
    const part = (later < 0 ? answers : answers.slice(0, later)) as readonly (TaskOutcome | null)[]
    read += part.length
    yield part
  }
}
