/** What the rooms of the store's thread share, and one operation's way through them. */
import { NOTHING, type Hint } from '@millrace/core/store'
import { Budgets } from './budgets.ts'
import { Clock } from './clock.ts'
import type { Connection } from './database.ts'
import { Names } from './interning.ts'
import { Lanes } from './lanes.ts'
import { Limits } from './limits.ts'
import { noLoads } from './loads.ts'
import type { Tastes } from './serving.ts'

export interface Home {
  readonly database: Connection
  readonly names: Names
  readonly lanes: Lanes
  readonly limits: Limits
  readonly budgets: Budgets
  readonly clock: Clock
  readonly tastes: Tastes
}

export function newHome<C extends Connection>(database: C): Home & { readonly database: C } {
  return {
    database,
    names: new Names(database),
    lanes: new Lanes(database),
    limits: new Limits(database),
    budgets: new Budgets(database),
    clock: new Clock(),
    tastes: new Map(),
  }
}

/** How many edges an operation resolves by the way; the rest is left to `deliver`. */
const RESOLUTIONS_MAX = 1_000

/** A task that came to its end in this operation, so that its dependents hear of it. */
export interface Ended {
  readonly seq: number
  readonly succeeded: boolean
  /** The last arrival that waited for this end; left out: whoever waits for the task now. */
  readonly until?: number
}

/** One transaction: it sees one time, and nobody else meanwhile. */
export interface Pass extends Home {
  readonly now: number
  readonly ended: Ended[]
  /** Tasks that came back to wait, and are to take the keys again that they hold while they do. */
  readonly returning: { readonly seq: number; readonly key: string }[]
  /** Changes of the volumes of final tasks, by `queue state hour`. */
  readonly volumes: Map<string, Volume>
  /** Changes of what is live, by the keys of queues and of partitions. */
  readonly loads: Loads
  /** What it leaves for those who watch. */
  readonly hint: { -readonly [K in keyof Hint]: Hint[K] }
  resolutionsLeft: number
  /** Whether there are edges between tasks at all; `undefined` before anybody asked. */
  anyEdges: boolean | undefined
}

export interface Volume {
  readonly queue: number
  readonly state: number
  readonly hour: number
  count: number
  bytes: number
}

/** Live tasks, and the bytes of their payloads. */
export interface Load {
  tasks: number
  bytes: number
}

export interface Loads {
  readonly queues: Map<number, Load>
  readonly partitions: Map<number, Load>
}

export function newPass(home: Home, now: number): Pass {
  return {
    ...home,
    now,
    ended: [],
    returning: [],
    volumes: new Map(),
    loads: noLoads(),
    hint: { ...NOTHING },
    resolutionsLeft: RESOLUTIONS_MAX,
    anyEdges: undefined,
  }
}
