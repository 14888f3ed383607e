/** Tells dependents what became of their parents. */
import { waitsAfter } from '../../policy/dependencies.ts'
import { closeTriggers, dropDelivered } from './edges.ts'
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
  const waits = waitsAfter(dependent, edge.ifFailed, edge.state === 'succeeded')
  if (typeof waits === 'string') {
    move(pass, dependent, { operation: waits, detail: 'dependency' })
    return
  }
  // one has triggered it: it waits for the others no more
  if (dependent.triggers > 0 && waits.triggers === 0) closeTriggers(pass.home, dependent)
  Object.assign(dependent, waits)
  if (dependent.blockers === 0) move(pass, dependent, { operation: 'unblock' })
}

/** The gate that a blocked task waits for is open. */
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
