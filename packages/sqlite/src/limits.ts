/** What is allowed under names, which are few and remembered, and what was used of their keys. */
import {
  ADD_LIMIT,
  ANY_USAGE,
  DELETE_LIMIT,
  FIND_USAGE,
  FORGET_USAGES,
  PUT_USAGE,
  READ_LIMITS,
  USAGES_UP_TO,
} from './statements/limits.ts'
import type { Allowance, LaneLimit, LimitName, LimitSettings, Rate, Shut, Usage } from '@millrace/core/store'
import type { Connection } from './database.ts'
import type { Pass } from './home.ts'

/** How many keys one look goes through for those that can be forgotten. */
const LOOKED_AT = 1_000

export interface Limit {
  readonly key: number
  readonly name: LimitName
  /** 0: nobody has set it, but one of its keys was shut. */
  readonly version: number
  readonly nonce: string | null
  readonly allowance: Allowance
  readonly by: LimitSettings['by']
  readonly shutUntil: number
  readonly configuredAt: number
}

interface LimitRow extends Omit<Limit, 'allowance' | 'by'> {
  readonly concurrency: number | null
  readonly rate: string | null
  readonly setBy: LimitSettings['by']
}

interface Settings {
  readonly byName: ReadonlyMap<LimitName, Limit>
  /** Whether any of them counts what runs. */
  readonly counting: boolean
  /** Queues and types that have a limit of their own. */
  readonly queues: ReadonlySet<string>
  readonly types: ReadonlySet<string>
}

/** The settings as they are now, read once until they change. */
export class Limits {
  readonly #database: Connection
  #settings: Settings | undefined
  /** The last key that was looked at for whether it can be forgotten. */
  #looked = 0

  constructor(database: Connection) {
    this.#database = database
  }

  /** They have changed, or may have. */
  forget(): void {
    this.#settings = undefined
  }

  get #read(): Settings {
    this.#settings ??= settingsOf(this.#database.objects<LimitRow>(READ_LIMITS).map(limitOf))
    return this.#settings
  }

  get all(): Iterable<Limit> {
    return this.#read.byName.values()
  }

  get any(): boolean {
    return this.#read.byName.size > 0
  }

  get counting(): boolean {
    return this.#read.counting
  }

  of(name: LimitName): Limit | undefined {
    return this.#read.byName.get(name)
  }

  /** The limit by that name; if there is none, one that holds nothing back. */
  named(name: LimitName): Limit {
    const known = this.of(name)
    if (known !== undefined) return known
    this.#database.run(ADD_LIMIT, name)
    this.forget()
    return this.of(name)!
  }

  /** Whether tasks without a lane may be held back. */
  holdBack(queue: string, types: () => Iterable<string>): boolean {
    const { queues, types: limited } = this.#read
    if (queues.has(queue)) return true
    if (limited.size > 0) for (const type of types()) if (limited.has(type)) return true
    return false
  }

  /** Of a task, those under which anything is held back or counted now. */
  on(task: {
    readonly queue: string
    readonly type: string
    readonly limits: readonly LaneLimit[]
  }): readonly On[] {
    if (!this.any) return []
    const found: On[] = []
    const look = (name: LimitName, key: string, cost: number): void => {
      const limit = this.of(name)
      if (limit !== undefined) found.push({ limit, key, cost })
    }
    look(`queue:${task.queue}`, '', 1)
    look(`type:${task.type}`, '', 1)
    for (const { name, key, cost } of task.limits) look(name, key, cost)
    return found
  }

  /** Forgets some of the keys of which nothing is used, and no time is left to run; the next look goes on behind. */
  prune(now: number): void {
    if (!this.any) return
    const [last, count] = this.#database.get<[number | null, number]>(USAGES_UP_TO, this.#looked, LOOKED_AT)!
    if (last !== null) this.#database.run(FORGET_USAGES, this.#looked, last, now)
    this.#looked = count < LOOKED_AT ? 0 : last!
    for (const { key, version } of this.all) {
      if (version > 0 || this.#database.get<[number]>(ANY_USAGE, key)![0] === 1) continue
      this.#database.run(DELETE_LIMIT, key)
      this.forget()
    }
  }
}

/** A limit under which a task counts. */
export interface On {
  readonly limit: Limit
  readonly key: string
  readonly cost: number
}

function limitOf({ concurrency, rate, setBy, ...row }: LimitRow): Limit {
  const allowance = { concurrency, rate: rate === null ? null : (JSON.parse(rate) as Rate) }
  return { ...row, allowance, by: setBy }
}

function settingsOf(limits: readonly Limit[]): Settings {
  const after = (prefix: string): ReadonlySet<string> =>
    new Set(limits.filter(({ name }) => name.startsWith(prefix)).map(({ name }) => name.slice(prefix.length)))
  return {
    byName: new Map(limits.map((limit) => [limit.name, limit])),
    counting: limits.some(({ allowance }) => allowance.concurrency !== null),
    queues: after('queue:'),
    types: after('type:'),
  }
}

export interface KeyOfLimit {
  readonly limit: number
  readonly key: string
}

/** What was used of a key, and the key of its row; 0: there is none. */
export function usageOf({ database }: Pass, { limit, key }: KeyOfLimit): Usage & { readonly row: number } {
  const found = database.get<[row: number, used: number, arrivalAt: number, shutUntil: number]>(
    FIND_USAGE,
    limit,
    key,
  )
  const [row, used, arrivalAt, shutUntil] = found ?? [0, 0, 0, 0]
  return { row, used, arrivalAt, shutUntil }
}

/** @returns the key of its row */
export function putUsage({ database }: Pass, { limit, key }: KeyOfLimit, usage: Usage): number {
  const { used, arrivalAt, shutUntil } = usage
  return database.get<[number]>(PUT_USAGE, limit, key, used, arrivalAt, shutUntil)![0]
}

/** Nothing starts under a key for a while. */
export function shut(pass: Pass, { name, key, ms }: Shut): void {
  const limit = pass.limits.named(name).key
  const usage = usageOf(pass, { limit, key })
  putUsage(pass, { limit, key }, { ...usage, shutUntil: Math.max(usage.shutUntil, pass.now + ms) })
}

export function forgetKeys({ limits: all, now }: Pass): void {
  all.prune(now)
}
