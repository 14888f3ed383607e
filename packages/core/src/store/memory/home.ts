/** All that one decision must see at once, and the pass of one operation through it. */
import { Schedule } from './schedule.ts'
import { Timeline } from './timeline.ts'
import type { BudgetSettings, Spending } from '../budgets.ts'
import type { Pause } from '../inspection.ts'
import type { Hint, PublishedDefinition, Retention } from '../port.ts'
import type { FinalState, IfFailed, Nonce, SessionId, TaskId } from '../records.ts'
import type { Lock } from './locks.ts'
import type { ScheduleRecord } from '../schedules.ts'
import type { Delivery } from './edges.ts'
import type { Gate } from './gates.ts'
import type { Limit } from './limits.ts'
import type { LimitName } from '../flow.ts'
import type { Window } from './keys.ts'
import type { Lines } from './ready.ts'
import type { Session } from './sessions.ts'
import type { Task } from './task.ts'
import type { Tombstone } from './tombstones.ts'

/** How many edges an operation resolves by the way; the rest is left to `deliver`. */
const RESOLUTIONS_MAX = 1_000

export interface Home {
  readonly tasks: Map<TaskId, Task>
  /** All tasks, by their numbers of arrival. */
  readonly arrivals: Timeline<Task>
  /** Final tasks, by the numbers of the changes that ended them. */
  readonly ends: Timeline<Task>
  readonly lines: Lines
  /** Tasks that do not run, by the time at which they are ended for that. */
  readonly expiries: Schedule<Task>
  readonly running: Set<Task>
  /** Running tasks by the nonce of their claim. */
  readonly byNonce: Map<Nonce, Set<Task>>
  /** Unique keys by the tasks that hold them by living or waiting. */
  readonly keys: Map<string, Task>
  /** Unique keys that are held for a time. */
  readonly windows: Map<string, Window>
  readonly windowEnds: Schedule<string>
  /** Open edges: by parent that has not ended, who waits for it. */
  readonly edges: Map<TaskId, Map<Task, IfFailed>>
  /** The ends of parents that somebody is still to be told of. A parent that started over may end more than once. */
  readonly outbox: Map<TaskId, readonly Delivery[]>
  /** How many live tasks name a task as their parent. */
  readonly pins: Map<TaskId, number>
  /** By queue and partition, the live tasks in strict order. */
  readonly series: Map<string, Set<Task>>
  readonly limits: Map<LimitName, Limit>
  /** Of partitions that do not have the default. */
  readonly weights: Map<string, number>
  readonly budgets: Map<string, BudgetSettings>
  /** By scope, window and spender. */
  readonly spendings: Map<string, Spending>
  readonly gates: Map<string, Gate>
  readonly tombstones: Map<TaskId, Tombstone>
  readonly tombstoneEnds: Schedule<Tombstone>
  readonly queues: Map<string, Queue>
  readonly sessions: Map<SessionId, Session>
  readonly definitions: Map<string, PublishedDefinition>
  readonly schedules: Map<string, ScheduleRecord>
  readonly locks: Map<string, Lock>
  lockToken: number
  /** Of the schedule that was put last. */
  scheduleVersion: number
  arrived: number
  changes: number
}

export interface Queue {
  /** Whether it has settings of its own, so that it is shown without any task too. */
  configured: boolean
  paused: Pause | null
  retention: Retention | null
  tasks: number
  /** Final tasks by state, each in the order of their ends. */
  readonly finals: Readonly<Record<FinalState, Set<Task>>>
  finalBytes: number
}

export function newHome(): Home {
  return {
    tasks: new Map(),
    arrivals: new Timeline(),
    ends: new Timeline(),
    lines: new Map(),
    expiries: new Schedule(),
    running: new Set(),
    byNonce: new Map(),
    keys: new Map(),
    windows: new Map(),
    windowEnds: new Schedule(),
    edges: new Map(),
    outbox: new Map(),
    pins: new Map(),
    series: new Map(),
    limits: new Map(),
    weights: new Map(),
    budgets: new Map(),
    spendings: new Map(),
    gates: new Map(),
    tombstones: new Map(),
    tombstoneEnds: new Schedule(),
    queues: new Map(),
    sessions: new Map(),
    definitions: new Map(),
    schedules: new Map(),
    locks: new Map(),
    lockToken: 0,
    scheduleVersion: 0,
    arrived: 0,
    changes: 0,
  }
}

export function queueOf(home: Home, name: string): Queue {
  const known = home.queues.get(name)
  if (known !== undefined) return known
  const queue: Queue = {
    configured: false,
    paused: null,
    retention: null,
    tasks: 0,
    finals: { succeeded: new Set(), failed: new Set(), cancelled: new Set() },
    finalBytes: 0,
  }
  home.queues.set(name, queue)
  return queue
}

/** One operation on its way through the home: it sees one time, and nobody else meanwhile. */
export interface Pass {
  readonly home: Home
  readonly now: number
  /** How many edges it may still resolve. */
  resolutionsLeft: number
  /** Tasks that came back to wait, and are to take the keys again that they hold while they do. */
  readonly returning: Task[]
  /** What it leaves for those who watch. */
  readonly hint: { -readonly [K in keyof Hint]: Hint[K] }
}

export function newPass(home: Home, now: number): Pass {
  return {
    home,
    now,
    resolutionsLeft: RESOLUTIONS_MAX,
    returning: [],
    hint: { ready: false, settled: false, cancel: false, schedules: false },
  }
}
