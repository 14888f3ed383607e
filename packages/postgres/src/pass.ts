/** What the rooms of the store share, and one operation's way through them. */
import { NOTHING, type Hint, type Shut } from '@millrace/core/store'
import type { Connection, Database } from './database.ts'
import type { Names } from './names.ts'
import type { Columns } from './payloads.ts'
import type { Draft } from './tasks.ts'

export interface Home {
  readonly database: Database
  readonly names: Names
  /** Whoever listens is told. */
  readonly tell: (hint: Hint) => void
}

/** How many edges an operation resolves by the way; the rest is left to `deliver`. */
const RESOLUTIONS_MAX = 1_000

/** A task that came to its end. */
export interface Ended {
  readonly parent: string
  readonly succeeded: boolean
  /** The last edge of those that waited for this end; left out: whoever waits for the task now. */
  readonly until?: number
}

/** Tasks in strict order: of a queue and a partition. */
export interface Series {
  readonly queue: number
  readonly partition: bigint
}

/** One transaction. */
export interface Pass extends Home {
  readonly connection: Connection
  readonly now: number
  /** Tasks that it has locked and may change, by id. */
  readonly drafts: Map<string, Draft>
  /** Parents that came to their end in this operation, so that their dependents hear of it. */
  readonly ended: Ended[]
  /** Tasks that are being enqueued, and that others which are, too, wait for. */
  readonly newParents: Set<string>
  /** Tasks that wait again, with keys that they hold while they do, in the order in which they came back. */
  readonly returning: string[]
  /** Tasks that wait for nobody any more. */
  readonly orphans: Set<string>
  readonly checkpoints: Map<string, Columns>
  readonly payloads: Map<string, Columns>
  /** What counted tasks whose claims have ended. */
  readonly counted: string[]
  /** Series that a task of it may have left, or come back to. */
  readonly series: Map<string, Series>
  /** Nothing starts under these keys for a while. */
  readonly shut: Shut[]
  /** What it leaves for those who watch. */
  readonly hint: { -readonly [K in keyof Hint]: Hint[K] }
  resolutionsLeft: number
}

/** Does some work in a transaction; those who watch hear of it once it is there. */
export async function inPass<T>(home: Home, work: (pass: Pass) => Promise<T>): Promise<T> {
  const { answer, hint } = await home.database.transaction(async (connection, now) => {
    const pass = newPass(home, connection, now)
    return { answer: await work(pass), hint: pass.hint }
  })
  home.tell(hint)
  return answer
}

export function newPass(home: Home, connection: Connection, now: number): Pass {
  return {
    database: home.database,
    names: home.names,
    tell: home.tell,
    connection,
    now,
    drafts: new Map(),
    ended: [],
    newParents: new Set(),
    returning: [],
    orphans: new Set(),
    checkpoints: new Map(),
    payloads: new Map(),
    counted: [],
    series: new Map(),
    shut: [],
    hint: { ...NOTHING },
    resolutionsLeft: RESOLUTIONS_MAX,
  }
}
