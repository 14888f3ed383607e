/** Where a task stands by its state: in line, or among the volumes of what has ended. */
import { FINAL_FROM, STATE } from '@millrace/core/store'
import { comesFirst, joinSeries, leaveSeries } from './series.ts'
import { ENTER_LATER, ENTER_READY, LEAVE_LATER, LEAVE_READY } from './statements/tasks.ts'
import { FOLLOWER } from './statements/series.ts'
import { addToLoads } from './loads.ts'
import { addToVolume } from './volumes.ts'
import type { Load, Pass } from './home.ts'
import type { Draft, Task } from './tasks.ts'

type Place = Pick<Task, 'seq' | 'queue' | 'route' | 'level' | 'lane' | 'dueBy' | 'runAt'>

/** Moves a task from where it stood to where it stands now. */
export function replace(pass: Pass, { task, before }: Draft): void {
  const [lived, lives] = [before.state < FINAL_FROM, task.state < FINAL_FROM]
  if (lives && !lived) joinSeries(pass, task)
  const stood = isFree(before)
  const stands = isFree(task)
  const same = before.level === task.level && before.runAt === task.runAt
  if (stood && !(stands && same)) leaveLine(pass, before)
  if (stands && !(stood && same)) enterLine(pass, task)
  if (lived && !lives) letNextOn(pass, task)
  if (!lived) countVolume(pass, before, -1)
  if (!lives) countVolume(pass, task, 1)
  countLoad(pass, task, {
    tasks: (lives ? 1 : 0) - (lived ? 1 : 0),
    bytes: (lives ? task.size : 0) - (lived ? before.size : 0),
  })
}

/** What is removed stands nowhere. */
export function vacate(pass: Pass, before: Readonly<Task>): void {
  if (isFree(before)) leaveLine(pass, before)
  if (before.state >= FINAL_FROM) {
    countVolume(pass, before, -1)
    return
  }
  letNextOn(pass, before)
  countLoad(pass, before, { tasks: -1, bytes: -before.size })
}

/** Whether it waits to be claimed, now or later. */
function isFree(task: Readonly<Task>): boolean {
  return task.state === STATE.pending && task.held === 0 && task.owner === null
}

function leaveLine({ database, lanes }: Pass, place: Place): void {
  const { queue, route, level, lane, dueBy, runAt, seq } = place
  const { partition } = lanes.of(lane)
  // it may have fallen due without having been moved along
  const left = database.run(LEAVE_READY, queue, route, level, partition, lane, dueBy ?? runAt, seq)
  if (left === 0) database.run(LEAVE_LATER, queue, route, runAt, seq)
}

/** What waits for nothing but its time and to be claimed, unless others come before it. */
export function enterLine(pass: Pass, place: Place): void {
  const { queue, route, level, lane, dueBy, runAt, seq } = place
  const { database, lanes, now } = pass
  if (!comesFirst(pass, place)) return
  pass.hint.ready = true
  const { partition } = lanes.of(lane)
  if (runAt > now) database.run(ENTER_LATER, queue, route, runAt, seq)
  else database.run(ENTER_READY, queue, route, level, partition, lane, dueBy ?? runAt, seq)
}

/** A task has ended: whoever stood behind it in strict order may go on. */
export function letNextOn(pass: Pass, { seq }: { readonly seq: number }): void {
  const next = pass.lanes.any ? leaveSeries(pass, seq) : undefined
  if (next === undefined) return
  const follower = pass.database.object<Place>(FOLLOWER, next)
  if (follower !== undefined) enterLine(pass, follower)
}

function countLoad(pass: Pass, { queue, lane }: Readonly<Task>, { tasks, bytes }: Readonly<Load>): void {
  if (tasks !== 0 || bytes !== 0) addToLoads(pass, { queue, lane, tasks, bytes })
}

function countVolume(pass: Pass, task: Readonly<Task>, count: 1 | -1): void {
  const bytes = count * (task.weight + task.size + task.resultSize)
  addToVolume(pass, { queue: task.queue, state: task.state, at: task.finishedAt!, count, bytes })
}
