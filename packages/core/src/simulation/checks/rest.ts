/** Whether all has come to an end that was to. */
import type { Book } from './book.ts'
import type { Violation } from '../checker.ts'

export function checkRest({ history, bounds }: Book): readonly Violation[] {
  if (bounds.rest === undefined) return []
  const except = new Set(bounds.rest.except)
  return history.final.tasks
    .filter(({ id, finishedAt }) => finishedAt === null && !except.has(id))
    .map(({ id, state, held, blockers }) => ({
      code: 'not-drained',
      task: id,
      says: `Task ${id} is still ${state}${held ? ', held' : ''}${blockers > 0 ? `, behind ${blockers} others` : ''}.`,
    }))
}
