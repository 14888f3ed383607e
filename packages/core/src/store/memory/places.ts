/** Where a task stands by its state: what finds it there. */
import { addToLine, removeFromLine } from './ready.ts'
import { comesFirst } from './series.ts'
import { queueOf, type Home, type Pass } from './home.ts'
import { isFinal, ownerOf, retainedBytes, timeLimitOf, type Task } from './task.ts'

/** Puts a task where its state says that it stands. */
export function enter(pass: Pass, task: Task): void {
  const { home } = pass
  if (task.state === 'running') return enterRunning(home, task)
  if (task.state === 'absent') return
  if (isFinal(task.state)) return enterFinal(home, task)
  enterLine(pass, task)
  const limit = timeLimitOf(task)
  if (limit !== null) task.inExpiries = home.expiries.add(limit.at, task.seq, task)
}

/** What waits for nothing but to be claimed. */
export function enterLine({ home, hint }: Pass, task: Task): void {
  if (task.state !== 'pending' || task.held || !comesFirst(home, task)) return
  addToLine(home.lines, task)
  hint.ready = true
}

/** Takes it from there, before anything about it changes. */
export function leave(home: Home, task: Task): void {
  if (task.state === 'running') return leaveRunning(home, task)
  if (isFinal(task.state)) return leaveFinal(home, task)
  removeFromLine(home.lines, task)
  if (task.inExpiries !== null) home.expiries.remove(task.inExpiries)
  task.inExpiries = null
}

function enterRunning(home: Home, task: Task): void {
  const { nonce, session } = ownerOf(task)
  home.running.add(task)
  home.sessions.get(session)?.running.add(task)
  const claimed = home.byNonce.get(nonce) ?? new Set()
  home.byNonce.set(nonce, claimed.add(task))
}

function leaveRunning(home: Home, task: Task): void {
  const { nonce, session } = ownerOf(task)
  home.running.delete(task)
  home.sessions.get(session)?.running.delete(task)
  const claimed = home.byNonce.get(nonce)
  claimed?.delete(task)
  if (claimed?.size === 0) home.byNonce.delete(nonce)
}

function enterFinal(home: Home, task: Task): void {
  if (!isFinal(task.state)) return
  const queue = queueOf(home, task.spec.queue)
  queue.finals[task.state].add(task)
  queue.finalBytes += retainedBytes(task)
  home.ends.add(task.since, task)
}

function leaveFinal(home: Home, task: Task): void {
  if (!isFinal(task.state)) return
  const queue = queueOf(home, task.spec.queue)
  queue.finals[task.state].delete(task)
  queue.finalBytes -= retainedBytes(task)
  home.ends.remove(task.since)
}
