/**
 * The edges between tasks as they are kept: who waits for whom, and which ended parents are still to be told
 * of. An end takes its edges along into the outbox: whatever becomes of the parent afterwards, those who
 * waited for it are told how it ended then.
 */
import type { FinalState, IfFailed, TaskId } from '../records.ts'
import type { Home } from './home.ts'
import type { Task } from './task.ts'

/** One end of a parent, and who is still to be told of it. */
export interface Delivery {
  readonly state: FinalState
  readonly waiting: Map<Task, IfFailed>
}

export function openEdge(home: Home, parent: TaskId, dependent: { task: Task; ifFailed: IfFailed }): void {
  const waiting = home.edges.get(parent) ?? new Map<Task, IfFailed>()
  home.edges.set(parent, waiting.set(dependent.task, dependent.ifFailed))
}

/** The open edges of a task that waits no more. */
export function closeEdgesTo(home: Home, dependent: Task): void {
  if (dependent.state !== 'blocked') return
  for (const { parent } of dependent.after) closeEdge(home, parent, dependent)
}

/** The open triggers of a task that was triggered. */
export function closeTriggers(home: Home, dependent: Task): void {
  for (const { parent, ifFailed } of dependent.after) {
    if (ifFailed === 'trigger') closeEdge(home, parent, dependent)
  }
}

function closeEdge(home: Home, parent: TaskId, dependent: Task): void {
  const waiting = home.edges.get(parent)
  waiting?.delete(dependent)
  if (waiting?.size === 0) home.edges.delete(parent)
  for (const delivery of home.outbox.get(parent) ?? []) delivery.waiting.delete(dependent)
  dropDelivered(home, parent)
}

/** Puts the end of a parent into the outbox, if anybody waits for it. */
export function parentEnded(home: Home, parent: TaskId, state: FinalState): void {
  const waiting = home.edges.get(parent)
  if (waiting === undefined) return
  home.edges.delete(parent)
  home.outbox.set(parent, [...(home.outbox.get(parent) ?? []), { state, waiting }])
}

/** Takes out of the outbox what nobody is left to be told of. */
export function dropDelivered(home: Home, parent: TaskId): void {
  const deliveries = home.outbox.get(parent)
  if (deliveries === undefined || deliveries.every(({ waiting }) => waiting.size > 0)) return
  const left = deliveries.filter(({ waiting }) => waiting.size > 0)
  if (left.length > 0) home.outbox.set(parent, left)
  else home.outbox.delete(parent)
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
