/** Who holds which unique key: tasks, for as long as they live or wait, and windows, whatever becomes of theirs. */
import { isLive, isWaitingToStart, type Task } from './task.ts'
import { isWindow } from '../uniqueness.ts'
import type { Place } from '../../policy/lifecycle.ts'
import type { Home, Pass } from './home.ts'
import type { Entry } from './schedule.ts'
import type { TaskId, UniqueSpec } from '../records.ts'

export interface Window {
  readonly key: string
  readonly task: TaskId
  readonly until: number
  readonly entry: Entry<string>
}

/** Whether a key is held by a task in that place. */
function isHeldIn(place: Place, unique: UniqueSpec): boolean {
  return unique.while === 'live' ? isLive(place) : isWaitingToStart(place)
}

/** A task goes from one place to another: it lets its key go, or takes it if nobody else has it; what ran, when all has ended that is to. */
export function moveKey({ home, returning }: Pass, task: Task, from: Place): void {
  const { unique } = task.spec
  if (unique === null || isWindow(unique)) return
  const holds = isHeldIn(task.state, unique)
  if (!holds && home.keys.get(unique.key) === task) home.keys.delete(unique.key)
  if (!holds || isHeldIn(from, unique)) return
  if (from === 'running') returning.push(task)
  else takeKey(home, task)
}

function takeKey({ keys }: Home, task: Task): void {
  const { key } = task.spec.unique!
  if (!keys.has(key)) keys.set(key, task)
}

/** Those that came back take their keys again, in their order. */
export function takeKeys({ home, returning }: Pass): void {
  for (const task of returning.splice(0)) takeKey(home, task)
}

/** The task that holds the key which a newcomer asks for. */
export function holderOf(pass: Pass, unique: UniqueSpec): TaskId | undefined {
  if (isWindow(unique)) return openWindow(pass, unique.key)?.task
  return pass.home.keys.get(unique.key)?.spec.id
}

function openWindow({ home, now }: Pass, key: string): Window | undefined {
  const window = home.windows.get(key)
  return window !== undefined && window.until > now ? window : undefined
}

/** From now on, if the newcomer asks for that. */
export function beginWindow({ home, now }: Pass, task: Task): void {
  const { unique, id } = task.spec
  if (unique === null || !isWindow(unique)) return
  const { key } = unique
  closeWindow(home, key)
  const until = now + unique.while.withinMs
  const entry = home.windowEnds.add(until, task.seq, key)
  home.windows.set(key, { key, task: id, until, entry })
}

/** Nobody was promised the task: it takes its window along. */
export function dropWindow({ home }: Pass, { spec: { unique, id } }: Task): void {
  if (unique !== null && isWindow(unique) && home.windows.get(unique.key)?.task === id)
    closeWindow(home, unique.key)
}

export function closeWindow(home: Home, key: string): void {
  const window = home.windows.get(key)
  if (window === undefined) return
  home.windowEnds.remove(window.entry)
  home.windows.delete(key)
}

/** The key of the first window whose time is over. */
export function firstOverWindow({ home, now }: Pass): string | undefined {
  const first = home.windowEnds.first()
  return first !== undefined && first.at <= now ? first.item : undefined
}
