/**
 * What waits to be claimed, due or not: one schedule per queue, type, needs and level. A claim looks only at
 * the heads of the schedules that it can take from, and so never reads what it may not take.
 */
import { isBefore, Schedule, type Entry } from './schedule.ts'
import type { Demand } from '../port.ts'
import type { Level, TaskSpec } from '../records.ts'
import type { Task } from './task.ts'

export const LEVELS: readonly Level[] = [0, 1, 2, 3, 4]

/** The tasks of one route in one queue. */
export interface Line {
  readonly needs: readonly string[]
  /** By level, each in the order in which the tasks fall due. */
  readonly levels: readonly Schedule<Task>[]
}

/** By queue, then by type: the lines for what the tasks need. */
export type Lines = Map<string, Map<string, Line[]>>

export function addToLine(lines: Lines, task: Task): void {
  task.inLine = lineOf(lines, task.spec).levels[task.level]!.add(task.runAt, task.seq, task)
}

export function removeFromLine(lines: Lines, task: Task): void {
  if (task.inLine === null) return
  lineOf(lines, task.spec).levels[task.level]!.remove(task.inLine)
  task.inLine = null
}

function lineOf(lines: Lines, { queue, type, needs }: TaskSpec): Line {
  const types = lines.get(queue) ?? new Map<string, Line[]>()
  lines.set(queue, types)
  const sameType = types.get(type) ?? []
  types.set(type, sameType)
  const known = sameType.find((line) => sameNeeds(line.needs, needs))
  if (known !== undefined) return known
  const line: Line = { needs, levels: LEVELS.map(() => new Schedule<Task>()) }
  sameType.push(line)
  return line
}

function sameNeeds(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((need, index) => need === other[index])
}

/** The lines of a queue that a worker can take from. */
export function servedLines(lines: Lines, queue: string, demand: Demand): readonly Line[] {
  const types = lines.get(queue)
  if (types === undefined) return []
  const served: Line[] = []
  for (const type of new Set(demand.types)) {
    for (const line of types.get(type) ?? []) {
      if (line.needs.every((need) => demand.offers.includes(need))) served.push(line)
    }
  }
  return served
}

/** The task of a level that comes first, due or not. */
export function firstOf(lines: readonly Line[], level: Level): Entry<Task> | undefined {
  let first: Entry<Task> | undefined
  for (const line of lines) {
    const head = line.levels[level]!.first()
    if (head !== undefined && (first === undefined || isBefore(head, first))) first = head
  }
  return first
}
