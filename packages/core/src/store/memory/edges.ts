/** The edges between tasks as they are kept: who waits for whom, and which ended parents are still to be told of. */
import type { FinalState, IfFailed, TaskId } from '../records.ts'
import type { Home } from './home.ts'
import type { Task } from './task.ts'

export function openEdge(home: Home, parent: TaskId, dependent: { task: Task; ifFailed: IfFailed }): void {
  const waiting = home.edges.get(parent) ?? new Map<Task, IfFailed>()
  home.edges.set(parent, waiting.set(dependent.task, dependent.ifFailed))
}

/** The open edges of a task that waits no more. */
export function closeEdgesTo(home: Home, dependent: Task): void {
  if (dependent.state !== 'blocked') return
  for (const { parent } of dependent.after) {
    const waiting = home.edges.get(parent)
    waiting?.delete(dependent)
    if (waiting?.size === 0) forgetEdges(home, parent)
  }
}

export function forgetEdges(home: Home, parent: TaskId): void {
  home.edges.delete(parent)
  home.outbox.delete(parent)
}

/** Puts a parent into the outbox, if anybody waits for it. */
export function parentEnded(home: Home, parent: TaskId, state: FinalState): void {
  if (home.edges.has(parent)) home.outbox.set(parent, state)
}

/** Who was not told of its end yet waits for the next one. */
export function parentRestarted(home: Home, parent: TaskId): void {
  home.outbox.delete(parent)
}

export function pinParents(home: Home, task: Task): void {
  for (const { parent } of task.after) home.pins.set(parent, (home.pins.get(parent) ?? 0) + 1)
}

export function unpinParents(home: Home, task: Task): void {
  for (const { parent } of task.after) {
    const left = (home.pins.get(parent) ?? 0) - 1
    if (left > 0) home.pins.set(parent, left)
    else home.pins.delete(parent)
  }
}
