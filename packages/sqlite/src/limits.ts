/** What is allowed under names and keys: settings, which are few, and what operators see of them. */
import {
  ADD_LIMIT,
  ALL_RUNNING,
  ANY_SHUT,
  ANY_USAGE,
  DELETE_LIMIT,
  DELETE_USAGES,
  FIND_USAGE,
  FORGET_USAGES,
  KEYS_IN_USE,
  PUT_USAGE,
  READ_LIMITS,
  SET_COUNTED,
  SET_LIMIT,
  UNUSE_LIMIT,
  USAGES_UP_TO,
  USAGES_OF,
  USES_OF,
} from './statements/limits.ts'
import type {
  Allowance,
  LaneLimit,
  LimitName,
  LimitRecord,
  LimitsAnswer,
  LimitSettings,
  LimitsRequest,
  Rate,
  RecountAnswer,
  Shut,
  Usage,
} from '@millrace/core/store'
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

export function configureLimit(pass: Pass, request: LimitSettings): 'applied' | 'outdated' {
  const { database, limits, now, hint } = pass
  const { nonce, name, version, allowance, by, shutMs } = request
  const known = limits.of(name)
  if (known?.nonce === nonce) return 'applied'
  if (version !== null && version !== (known?.version ?? 0)) return 'outdated'
  const { concurrency, rate } = allowance
  const { key, allowance: before } = limits.named(name)
  const shutUntil = shutMs === null ? 0 : now + shutMs
  database.run(
    SET_LIMIT,
    nonce,
    concurrency,
    rate === null ? null : JSON.stringify(rate),
    by,
    shutUntil,
    now,
    key,
  )
  limits.forget()
  if ((before.concurrency !== null) !== (concurrency !== null)) countAnew(pass, limits.of(name)!)
  hint.ready = true
  return 'applied'
}

export function removeLimit(pass: Pass, name: LimitName): null {
  const { database, limits, hint } = pass
  const limit = limits.of(name)
  if (limit === undefined) return null
  uncount(pass, limit)
  database.run(DELETE_USAGES, limit.key)
  database.run(DELETE_LIMIT, limit.key)
  limits.forget()
  hint.ready = true
  return null
}

type RunningRow = readonly [seq: number, queue: number, route: number, lane: number, counted: string | null]

/** Counts what runs under a limit that has just begun, or ceased, to count. */
function countAnew(pass: Pass, limit: Limit): void {
  const { database } = pass
  uncount(pass, limit)
  if (limit.allowance.concurrency === null) return
  for (const [seq, queue, route, lane, counted] of database.all<RunningRow>(ALL_RUNNING)) {
    const on = onLimit(pass, limit, { queue, route, lane })
    if (on === undefined) continue
    const { row, ...usage } = usageOf(pass, on)
    const key = putUsage(pass, on, { ...usage, used: usage.used + 1 })
    database.run(SET_COUNTED, counted === null ? `${key}` : `${counted},${key}`, seq)
  }
}

function uncount({ database }: Pass, { key }: Limit): void {
  const own = new Set(database.all<[number]>(USAGES_OF, key).map(([usage]) => String(usage)))
  if (own.size === 0) return
  for (const [seq, , , , counted] of database.all<RunningRow>(ALL_RUNNING)) {
    const usages = counted?.split(',') ?? []
    const others = usages.filter((usage) => !own.has(usage))
    if (others.length < usages.length) database.run(SET_COUNTED, others.join(',') || null, seq)
  }
  database.run(UNUSE_LIMIT, key)
}

/** Under which key of a limit a task counts. */
function onLimit(
  { names, lanes, limits }: Pass,
  { key: limit }: Limit,
  { queue, route, lane }: { readonly queue: number; readonly route: number; readonly lane: number },
): KeyOfLimit | undefined {
  const { type } = names.routeOf(route)
  const on = limits.on({ queue: names.queueName(queue), type, limits: lanes.of(lane).limits })
  const found = on.find((one) => one.limit.key === limit)
  return found === undefined ? undefined : { limit, key: found.key }
}

interface KeyOfLimit {
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

export function limits(pass: Pass, { names, limit: most, cursor, keysMax }: LimitsRequest): LimitsAnswer {
  const wanted = [...pass.limits.all]
    .filter(({ name }) => (names === null || names.includes(name)) && (cursor === null || name > cursor))
    .filter((limit) => isShown(pass, limit))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
  const page = wanted.slice(0, most)
  return {
    limits: page.map((limit) => recordOf(pass, limit, keysMax)),
    next: wanted.length > most ? page.at(-1)!.name : null,
  }
}

function isShown({ database, now }: Pass, { key, version }: Limit): boolean {
  return version > 0 || database.get<[number]>(ANY_SHUT, key, now)![0] === 1
}

function recordOf({ database, now }: Pass, limit: Limit, keysMax: number): LimitRecord {
  const { key, name, version, allowance, by, shutUntil, configuredAt } = limit
  const keys = database.objects<LimitRecord['keys'][number]>(KEYS_IN_USE, key, now, keysMax)
  return { name, version, allowance, by, shutUntil, configuredAt, keys: keys.map((row) => ({ ...row })) }
}

export function recount(pass: Pass): RecountAnswer {
  const mended: RecountAnswer['mended'][number][] = []
  let keys = 0
  for (const limit of pass.limits.all) {
    if (limit.allowance.concurrency === null) continue
    const before = usesOf(pass, limit)
    countAnew(pass, limit)
    const after = usesOf(pass, limit)
    keys += after.size
    for (const [key, is] of after) {
      const was = before.get(key) ?? 0
      if (was !== is) mended.push({ name: limit.name, key, was, is })
    }
  }
  if (mended.length > 0) pass.hint.ready = true
  return { keys, mended }
}

function usesOf({ database }: Pass, { key }: Limit): ReadonlyMap<string, number> {
  return new Map(database.all<[string, number]>(USES_OF, key))
}

export function forgetKeys({ limits: all, now }: Pass): void {
  all.prune(now)
}
