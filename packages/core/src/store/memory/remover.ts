/** Removes tasks: what is left of them is a tombstone, unless they waited behind a gate that was not opened. */
import { dropWindow } from './keys.ts'
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
  // a gate lets go of its tasks when it opens: behind this one nobody was promised anything
  const promised = task.gate === null
  if (move(pass, task, { operation: 'remove' }) === null) return false
  home.tasks.delete(task.spec.id)
  home.arrivals.remove(task.seq)
  home.queues.get(task.spec.queue)!.tasks -= 1
  if (!promised) dropWindow(pass, task)
  // whoever waited for one that had not ended sees it cancelled
  if (promised) bury(pass, task, { state: isFinal(before) ? before : 'cancelled', mark })
  return true
}
