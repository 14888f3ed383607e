/** Why a task failed, as people are told. */
import type { TaskListItem } from '@millrace/core'
import type { TaskError } from '@millrace/core/store'

/** What ends a task before any code of the user's has thrown leaves no error behind, but has a reason all the same. */
const SENTENCES: Readonly<Record<string, string>> = {
  expired: 'It was not started in time (startBy).',
  dependency: 'A task that it waited for did not succeed.',
  timeout: 'Its time was up.',
  crashed: 'Its workers died too often while it ran.',
}

/** `undefined` if nothing is wrong. */
export function errorText({
  error,
  reason,
}: Pick<TaskListItem, 'reason'> & {
  readonly error: Pick<TaskError, 'name' | 'message'> | null
}): string | undefined {
  if (error !== null) return `${error.name}: ${error.message}`
  return reason === null ? undefined : (SENTENCES[reason] ?? reason)
}
