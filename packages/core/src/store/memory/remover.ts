/** Removes tasks: what is left of them is a tombstone. */
import { move } from './moves.ts'
import { bury } from './tombstones.ts'
import type { Pass } from './home.ts'
import { isFinal, type Mark, type Task } from './task.ts'

/**
 * @param mark the command that does it, if one does
 * @returns whether the lifecycle allows it
 */
export function removeTask(pass: Pass, task: Task, mark: Mark | null): boolean {
  const { home } = pass
  const before = task.state
  if (move(pass, task, { operation: 'remove' }) === null) return false
  home.tasks.delete(task.spec.id)
  home.arrivals.remove(task.seq)
  home.queues.get(task.spec.queue)!.tasks -= 1
  // whoever waited for one that had not ended sees it cancelled
  bury(pass, task, { state: isFinal(before) ? before : 'cancelled', mark })
  return true
}
