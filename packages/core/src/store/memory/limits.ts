/** What is allowed under names and keys, and what was used of it. */
import { FREE, furthestArrival, roomUnder, UNUSED, usageAfter, type Room } from '../../policy/limits.ts'
import { frozenCopy } from './copies.ts'
import type { Home, Pass } from './home.ts'
import type { Task } from './task.ts'
import type {
  Allowance,
  LimitName,
  LimitRecord,
  LimitsAnswer,
  LimitSettings,
  LimitsRequest,
  PartitionRecord,
  PartitionSettings,
  RecountAnswer,
  Usage,
} from '../flow.ts'
import type { LaneLimit, Nonce, TaskSpec } from '../records.ts'

export interface Limit {
  /** 0: nobody has set it, but one of its keys was shut. */
  version: number
  nonce: Nonce | null
  allowance: Allowance
  by: LimitSettings['by']
  shutUntil: number
  configuredAt: number
  readonly keys: Map<string, Usage>
}

const UNLIMITED: Allowance = Object.freeze({ concurrency: null, rate: null })

/** All that a task counts under. */
export function limitsOn({
  queue,
  type,
  lane,
}: Pick<TaskSpec, 'queue' | 'type' | 'lane'>): readonly LaneLimit[] {
  return [
    { name: `queue:${queue}`, key: '', cost: 1 },
    { name: `type:${type}`, key: '', cost: 1 },
    ...(lane?.limits ?? []),
  ]
}

/** Whether a task may start; if not, when to look again. */
export function roomFor({ home, now }: Pass, limits: readonly LaneLimit[]): Room {
  let blocked: Room = FREE
  for (const { name, key, cost } of limits) {
    const limit = home.limits.get(name)
    if (limit === undefined) continue
    const room = roomUnder(limit, limit.keys.get(key) ?? UNUSED, { now, cost })
    if (room.free) continue
    if (room.againAt === null) return room
    if (blocked.free || room.againAt > blocked.againAt!) blocked = room
  }
  return blocked
}

/** A task starts. */
export function count({ home, now }: Pass, task: Task): void {
  for (const { name, key, cost } of limitsOn(task.spec)) {
    const limit = home.limits.get(name)
    if (limit === undefined) continue
    const { allowance, keys } = limit
    keys.set(key, usageAfter(allowance, keys.get(key) ?? UNUSED, { now, cost }))
    if (allowance.concurrency !== null) task.counted.add(name)
  }
}

/** Its claim has ended. */
export function uncount({ home, hint }: Pass, task: Task): void {
  for (const { name, key } of limitsOn(task.spec)) {
    if (!task.counted.delete(name)) continue
    use(home, { name, key }, -1)
    hint.ready = true
  }
}

function use(home: Home, { name, key }: { name: LimitName; key: string }, by: 1 | -1): void {
  const { keys } = home.limits.get(name)!
  const usage = keys.get(key) ?? UNUSED
  keys.set(key, { ...usage, used: usage.used + by })
}

/** Nothing starts under a key for a while. */
export function shut({ home, now }: Pass, to: { name: LimitName; key: string; ms: number }): void {
  const { keys } = limitNamed(home, to.name)
  const usage = keys.get(to.key) ?? UNUSED
  keys.set(to.key, { ...usage, shutUntil: Math.max(usage.shutUntil, now + to.ms) })
}

function limitNamed(home: Home, name: LimitName): Limit {
  const known = home.limits.get(name)
  if (known !== undefined) return known
  const limit: Limit = {
    version: 0,
    nonce: null,
    allowance: UNLIMITED,
    by: 'user',
    shutUntil: 0,
    configuredAt: 0,
    keys: new Map(),
  }
  home.limits.set(name, limit)
  return limit
}

export function configureLimit(pass: Pass, request: LimitSettings): 'applied' | 'outdated' {
  const { home, now, hint } = pass
  const { nonce, name, version, allowance, by, shutMs } = request
  const known = home.limits.get(name)
  if (known?.nonce === nonce) return 'applied'
  if (version !== null && version !== (known?.version ?? 0)) return 'outdated'
  const limit = limitNamed(home, name)
  const counted = limit.allowance.concurrency !== null
  limit.version += 1
  limit.nonce = nonce
  limit.allowance = frozenCopy(allowance)
  limit.by = by
  limit.shutUntil = shutMs === null ? 0 : now + shutMs
  limit.configuredAt = now
  if (allowance.rate !== null) catchUp(limit, furthestArrival(allowance.rate, now))
  if (counted !== (allowance.concurrency !== null)) countAnew(home, name)
  hint.ready = true
  return 'applied'
}

export function removeLimit({ home, hint }: Pass, name: LimitName): void {
  const limit = home.limits.get(name)
  if (limit === undefined) return
  limit.allowance = UNLIMITED
  countAnew(home, name)
  home.limits.delete(name)
  hint.ready = true
}

/** A rate that has become faster holds for keys that were used up under the old one, too. */
function catchUp({ keys }: Limit, arrivalMax: number): void {
  for (const [key, usage] of keys)
    if (usage.arrivalAt > arrivalMax) keys.set(key, { ...usage, arrivalAt: arrivalMax })
}

/** Counts what runs under a limit that has just begun, or ceased, to count. */
function countAnew(home: Home, name: LimitName): void {
  const limit = home.limits.get(name)!
  for (const [key, usage] of limit.keys) limit.keys.set(key, { ...usage, used: 0 })
  for (const task of home.running) {
    task.counted.delete(name)
    const on = limitsOn(task.spec).find((one) => one.name === name)
    if (on === undefined || limit.allowance.concurrency === null) continue
    task.counted.add(name)
    use(home, on, 1)
  }
}

export function limits({ home, now }: Pass, request: LimitsRequest): LimitsAnswer {
  const { names, limit: most, cursor } = request
  const wanted = [...home.limits.entries()]
    .filter(([name, limit]) => (names === null || names.includes(name)) && isShown(limit, now))
    .filter(([name]) => cursor === null || name > cursor)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
  const page = wanted.slice(0, most)
  return {
    limits: page.map(([name, limit]) => recordOf(name, limit, { now, request })),
    next: wanted.length > most ? page.at(-1)![0] : null,
  }
}

function isShown({ version, keys }: Limit, now: number): boolean {
  return version > 0 || [...keys.values()].some(({ shutUntil }) => shutUntil > now)
}

function recordOf(
  name: LimitName,
  { version, allowance, by, shutUntil, configuredAt, keys }: Limit,
  { now, request: { keysMax, keys: meant } }: { now: number; request: LimitsRequest },
): LimitRecord {
  const used = [...keys]
    .map(([key, usage]) => ({ key, ...usage }))
    .filter(({ key }) => meant?.includes(key) ?? true)
    .filter((usage) => usage.used > 0 || usage.arrivalAt > now || usage.shutUntil > now)
    .toSorted((one, other) => other.used - one.used || (one.key < other.key ? -1 : 1))
  return {
    name,
    version,
    allowance,
    by,
    shutUntil,
    configuredAt,
    keys: meant === undefined ? used.slice(0, keysMax) : used,
  }
}

export function configurePartition({ home }: Pass, { partition, weight }: PartitionSettings): void {
  if (weight === null) home.weights.delete(partition)
  else home.weights.set(partition, weight)
}

export function partitions({ home }: Pass): readonly PartitionRecord[] {
  return [...home.weights]
    .map(([partition, weight]) => ({ partition, weight }))
    .toSorted((one, other) => (one.partition < other.partition ? -1 : 1))
}

/** Counts are kept by the same steps that move tasks, and cannot be wrong here. */
export function recount({ home }: Pass): RecountAnswer {
  let keys = 0
  const mended: { name: LimitName; key: string; was: number; is: number }[] = []
  for (const [name, limit] of home.limits) {
    if (limit.allowance.concurrency === null) continue
    const before = new Map(limit.keys)
    countAnew(home, name)
    keys += limit.keys.size
    for (const [key, { used }] of limit.keys) {
      const was = before.get(key)?.used ?? 0
      if (was !== used) mended.push({ name, key, was, is: used })
    }
  }
  return { keys, mended }
}

/** Keys of which nothing is used, and no time is left to run, are forgotten. */
export function forgetKeys({ home, now }: Pass): void {
  for (const [name, limit] of home.limits) {
    for (const [key, { used, arrivalAt, shutUntil }] of limit.keys)
      if (used === 0 && arrivalAt <= now && shutUntil <= now) limit.keys.delete(key)
    if (limit.version === 0 && limit.keys.size === 0) home.limits.delete(name)
  }
}
