/** What tasks to be wait for. */
import { UnknownParentError } from '@millrace/core'

/** What is said of a parent that is not there, or that the caller may not see. */
export function unknownParent(id: string): UnknownParentError {
  return new UnknownParentError(id.toLowerCase())
}
