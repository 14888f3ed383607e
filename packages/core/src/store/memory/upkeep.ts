/** Duties that nobody waits for: ending what waited too long, and forgetting what was kept long enough. */
import { forgetSpendings } from './budgets.ts'
import { tellDependents } from './dependents.ts'
import { lostTasks } from './gatekeeper.ts'
import { forgetKeys } from './limits.ts'
import { closeWindow, firstOverWindow } from './keys.ts'
import { move } from './moves.ts'
import { removeTask } from './remover.ts'
import { retainedBytes, timeLimitOf, type Task } from './task.ts'
import { firstToForget, forget } from './tombstones.ts'
import type { Pass, Queue } from './home.ts'
import type { PruneRequest, Retention, UpkeepAnswer, UpkeepRequest } from '../port.ts'
import type { FinalState } from '../records.ts'

export function sweep(pass: Pass, { tasksMax }: UpkeepRequest): UpkeepAnswer {
  let changed = 0
  let more = false
  for (const change of sweepable(pass)) {
    more = changed >= tasksMax
    if (more) break
    change()
    changed += 1
  }
  tellDependents(pass)
  return { changed, more }
}

/** What is to be swept, as changes to be made one after the other while this goes on. */
function* sweepable(pass: Pass): Generator<() => void> {
  for (;;) {
    const first = pass.home.expiries.first()
    if (first === undefined || first.at > pass.now) break
    yield () => end(pass, first.item)
  }
  for (const task of lostTasks(pass)) yield () => removeTask(pass, task, null)
}

function end(pass: Pass, task: Task): void {
  const operation = timeLimitOf(task)?.operation
  if (operation === undefined) throw new Error(`task ${task.spec.id} has no time limit`)
  move(pass, task, { operation, detail: operation === 'expire' ? 'expired' : 'timeout' })
}

export function prune(pass: Pass, { tasksMax, retention }: PruneRequest): UpkeepAnswer {
  forgetKeys(pass)
  forgetSpendings(pass)
  let changed = 0
  for (const queue of pass.home.queues.values()) {
    for (const task of beyondRetention(pass, queue, queue.retention ?? retention)) {
      if (changed >= tasksMax) return { changed, more: true }
      removeTask(pass, task, null)
      changed += 1
    }
  }
  for (let over = firstToForget(pass); over !== undefined; over = firstToForget(pass)) {
    if (changed >= tasksMax) return { changed, more: true }
    forget(pass.home, over)
    changed += 1
  }
  for (let key = firstOverWindow(pass); key !== undefined; key = firstOverWindow(pass)) {
    if (changed >= tasksMax) return { changed, more: true }
    closeWindow(pass.home, key)
    changed += 1
  }
  return { changed, more: false }
}

/**
 * Final tasks of a queue that are not to be kept, to be removed while this goes on. Parents of live tasks
 * stay, but take up the room that they take: nobody else goes for them.
 */
function* beyondRetention(pass: Pass, queue: Queue, retention: Retention): Generator<Task> {
  const { succeededMs, failedMs, cancelledMs, count, bytes } = retention
  yield* tooOld(pass, queue.finals.succeeded, succeededMs)
  yield* tooOld(pass, queue.finals.failed, failedMs)
  yield* tooOld(pass, queue.finals.cancelled, cancelledMs)
  const { succeeded, failed, cancelled } = queue.finals
  let surplus = count === null ? 0 : succeeded.size + failed.size + cancelled.size - count
  let surplusBytes = bytes === null ? 0 : queue.finalBytes - bytes
  for (const task of oldestFirst(queue)) {
    if (surplus <= 0 && surplusBytes <= 0) return
    surplus -= 1
    surplusBytes -= retainedBytes(task)
    if (!isPinned(pass, task)) yield task
  }
}

function* tooOld(pass: Pass, tasks: ReadonlySet<Task>, keptMs: number | null): Generator<Task> {
  if (keptMs === null) return
  for (const task of tasks) {
    if (task.finishedAt === null || task.finishedAt + keptMs > pass.now) return
    if (!isPinned(pass, task)) yield task
  }
}

function isPinned({ home }: Pass, task: Task): boolean {
  return home.pins.has(task.spec.id)
}

/** The final tasks of a queue, in the order of their ends; they may be removed meanwhile. */
function* oldestFirst({ finals }: Queue): Generator<Task> {
  const states: readonly FinalState[] = ['succeeded', 'failed', 'cancelled']
  const lines = states.map((state) => finals[state].values())
  const heads = lines.map((line) => line.next())
  for (;;) {
    let oldest = -1
    for (const [index, head] of heads.entries()) {
      if (head.done === true) continue
      const best = heads[oldest]
      if (best === undefined || best.done === true || head.value.since < best.value.since) oldest = index
    }
    const head = heads[oldest]
    if (head === undefined || head.done === true) return
    yield head.value
    heads[oldest] = lines[oldest]!.next()
  }
}
