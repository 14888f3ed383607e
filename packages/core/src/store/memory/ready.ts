/**
 * What waits to be claimed, due or not: one lane per queue, type, needs, level, partition and keys. A claim looks
 * only at the heads of the lanes that it can take from, and so never reads what it may not take.
 */
import { Schedule, type Entry } from './schedule.ts'
import type { Demand } from '../port.ts'
import type { LaneLimit, Level, TaskSpec } from '../records.ts'
import type { Task } from './task.ts'

export const LEVELS: readonly Level[] = [0, 1, 2, 3, 4]

/** Where a task stands in line. */
export interface Position {
  readonly lane: Lane
  /** Among what is due, or will be. */
  entry: Entry<Task>
  due: boolean
}

/** The tasks of one route in one queue. */
export interface Line {
  readonly needs: readonly string[]
  /** By level, the lanes by their names. */
  readonly levels: readonly Map<string, Lane>[]
}

/** By queue, then by type: the lines for what the tasks need. */
export type Lines = Map<string, Map<string, Line[]>>

export class Lane {
  readonly queue: string
  readonly type: string
  readonly partition: string | null
  /** The keys of its tasks; what they cost differs from task to task. */
  readonly limits: readonly LaneLimit[]
  readonly #prefers: readonly string[]
  readonly #spillMs: number
  readonly #due = new Schedule<Task>()
  readonly #later = new Schedule<Task>()
  #size = 0

  constructor({ queue, type, lane }: TaskSpec) {
    this.queue = queue
    this.type = type
    this.partition = lane?.partition ?? null
    this.limits = lane?.limits ?? []
    this.#prefers = lane?.prefers ?? []
    this.#spillMs = lane?.spillMs ?? 0
  }

  get isEmpty(): boolean {
    return this.#size === 0
  }

  add(task: Task): Position {
    this.#size += 1
    return { lane: this, entry: this.#later.add(task.runAt, task.seq, task), due: false }
  }

  remove({ entry, due }: Position): void {
    this.#size -= 1
    ;(due ? this.#due : this.#later).remove(entry)
  }

  /** For how long a task that is due is left to workers that offer more of what it prefers. */
  waitMs(offers: readonly string[]): number {
    if (this.#prefers.length === 0) return 0
    const rank = this.#prefers.findIndex((one) => offers.includes(one))
    return (rank < 0 ? this.#prefers.length : rank) * this.#spillMs
  }

  /** The first that is due. */
  first(now: number): Entry<Task> | undefined {
    for (let next = this.#later.first(); next !== undefined && next.at <= now; next = this.#later.first())
      this.#fallDue(next)
    return this.#due.first()
  }

  /** When the next falls due that is not yet. */
  nextAt(): number | undefined {
    return this.#later.first()?.at
  }

  #fallDue(entry: Entry<Task>): void {
    const task = entry.item
    this.#later.remove(entry)
    task.inLine!.entry = this.#due.add(task.dueBy ?? task.runAt, task.seq, task)
    task.inLine!.due = true
  }
}

export function addToLine(lines: Lines, task: Task): void {
  const lanes = lineOf(lines, task.spec).levels[task.level]!
  const name = laneName(task.spec)
  const lane = lanes.get(name) ?? new Lane(task.spec)
  lanes.set(name, lane)
  task.inLine = lane.add(task)
}

export function removeFromLine(lines: Lines, task: Task): void {
  if (task.inLine === null) return
  const { lane } = task.inLine
  lane.remove(task.inLine)
  task.inLine = null
  if (lane.isEmpty) lineOf(lines, task.spec).levels[task.level]!.delete(laneName(task.spec))
}

function laneName({ lane }: TaskSpec): string {
  if (lane === null) return ''
  const keys = lane.limits.map(({ name, key }) => [name, key])
  return JSON.stringify([lane.partition, keys, lane.prefers, lane.spillMs])
}

function lineOf(lines: Lines, { queue, type, needs }: TaskSpec): Line {
  const types = lines.get(queue) ?? new Map<string, Line[]>()
  lines.set(queue, types)
  const sameType = types.get(type) ?? []
  types.set(type, sameType)
  const known = sameType.find((line) => sameNeeds(line.needs, needs))
  if (known !== undefined) return known
  const line: Line = { needs, levels: LEVELS.map(() => new Map<string, Lane>()) }
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

export function lanesOf(lines: readonly Line[], level: Level): readonly Lane[] {
  return lines.flatMap((line) => [...line.levels[level]!.values()])
}
