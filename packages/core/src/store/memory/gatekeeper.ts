/** Opens gates, and clears away what waits behind those that nobody opened. */
import { stopWaiting } from './dependents.ts'
import { decideGate, gateNamed, isShut, leaveGate, waitBehind } from './gates.ts'
import type { Pass } from './home.ts'
import type { Task } from './task.ts'

/**
 * All that waits behind the gate stops waiting for it at once: not one of its tasks starts before all may.
 * A gate that the store does not know was never named, or is forgotten with what became of it; both times
 * nothing waits behind it, so it is gone.
 */
export function openGate(pass: Pass, name: string): 'open' | 'gone' {
  const known = gateNamed(pass, name)
  if (known === undefined) decideGate(pass, name, 'gone')
  if (known === undefined || known.decision !== null) return known?.decision?.fate ?? 'gone'
  const gate = decideGate(pass, name, 'open')
  for (const task of gate.tasks) {
    leaveGate(pass.home, task)
    stopWaiting(pass, task)
  }
  return 'open'
}

/** A duplicate that waits behind a gate which was not opened goes over to the one that its group names, or to none. */
export function changeGate(pass: Pass, task: Task, next: string | null): void {
  if (task.gate === null || task.gate === next) return
  leaveGate(pass.home, task)
  const gate = next === null ? undefined : gateNamed(pass, next)
  if (next === null || (gate !== undefined && !isShut(gate))) stopWaiting(pass, task)
  else waitBehind(pass, task, next)
}

/** The tasks that wait behind gates that are gone, to be removed while this goes on. */
export function* lostTasks(pass: Pass): Generator<Task> {
  for (const name of pass.home.gates.keys()) {
    const gate = gateNamed(pass, name)
    if (gate?.decision?.fate === 'gone') yield* gate.tasks
  }
}
