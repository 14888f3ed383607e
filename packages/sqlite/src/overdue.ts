/** Ends tasks that waited too long. */
import { move } from './moves.ts'
import { draftOf, hasStarted, save } from './tasks.ts'
import type { Pass } from './home.ts'

/** A task that does not run, and whose `startBy` or deadline has come. */
export function endOverdue(pass: Pass, seq: number): void {
  const draft = draftOf(pass, seq)!
  const { task } = draft
  const { startBy, deadlineAt } = task
  const expires = startBy !== null && !hasStarted(task) && (deadlineAt === null || startBy <= deadlineAt)
  if (expires) move(pass, draft, { operation: 'expire', detail: 'expired' })
  else move(pass, draft, { operation: 'outlive', detail: 'timeout' })
  save(pass, draft)
}
