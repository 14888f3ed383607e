/** Ends tasks that waited too long. */
import { STATE } from './codes.ts'
import { draftOf, end, hasStarted, save, tell } from './tasks.ts'
import type { Pass } from './home.ts'

/** A task that does not run, and whose `startBy` or deadline has come. */
export function endOverdue(pass: Pass, seq: number): void {
  const draft = draftOf(pass, seq)!
  const { task } = draft
  const { startBy, deadlineAt } = task
  const expires = startBy !== null && !hasStarted(task) && (deadlineAt === null || startBy <= deadlineAt)
  const reason = expires ? 'expired' : 'timeout'
  end(pass, draft, { state: STATE.failed, reason })
  tell(pass, draft, { event: 'failed', detail: reason })
  save(pass, draft)
}
