/** Tells dependents what became of their parents. */
import { dropDelivered } from './edges.ts'
import { move } from './moves.ts'
import type { FinalState, IfFailed } from '../records.ts'
import type { UpkeepAnswer, UpkeepRequest } from '../port.ts'
import type { Pass } from './home.ts'
import type { Task } from './task.ts'

/**
 * Works the outbox off, as far as this operation may. Dependents that end by it put themselves there, so
 * that cascades run on here too.
 *
 * @returns how many edges were resolved
 */
export function tellDependents(pass: Pass): number {
  const { home } = pass
  let told = 0
  for (const [parent, deliveries] of home.outbox) {
    for (const { state, waiting } of deliveries) {
      for (const [dependent, ifFailed] of waiting) {
        if (pass.resolutionsLeft === 0) return told
        pass.resolutionsLeft -= 1
        told += 1
        waiting.delete(dependent)
        resolve(pass, dependent, { state, ifFailed })
      }
      dropDelivered(home, parent)
    }
  }
  return told
}

/** One edge, whose parent ended so. */
function resolve(pass: Pass, dependent: Task, edge: { state: FinalState; ifFailed: IfFailed }): void {
  const end = edge.state === 'succeeded' ? null : endOf(edge.ifFailed)
  if (end !== null) move(pass, dependent, { operation: end, detail: 'dependency' })
  else stopWaiting(pass, dependent)
}

/** What a parent that did not succeed does to its dependent; `null`: nothing. */
export function endOf(ifFailed: IfFailed): 'dependency-cancel' | 'dependency-fail' | null {
  switch (ifFailed) {
    case 'cancel':
      return 'dependency-cancel'
    case 'fail':
      return 'dependency-fail'
    case 'run':
      return null
  }
}

/** One of the things that a blocked task waits for is there. */
export function stopWaiting(pass: Pass, task: Task): void {
  task.blockers -= 1
  if (task.blockers === 0) move(pass, task, { operation: 'unblock' })
}

/** Resolves what was too much for the operations that ended the parents. */
export function deliver(pass: Pass, { tasksMax }: UpkeepRequest): UpkeepAnswer {
  pass.resolutionsLeft = tasksMax
  const changed = tellDependents(pass)
  return { changed, more: pass.home.outbox.size > 0 }
}
