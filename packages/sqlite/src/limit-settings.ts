/** Limits as operators set and see them. */
import { furthestArrival } from '@millrace/core/store'
import {
  ALL_RUNNING,
  ANY_SHUT,
  CATCH_UP,
  DELETE_LIMIT,
  DELETE_USAGES,
  KEYS_IN_USE,
  SET_COUNTED,
  SET_LIMIT,
  THESE_IN_USE,
  UNUSE_LIMIT,
  USAGES_OF,
  USES_OF,
} from './statements/limits.ts'
import type {
  LimitName,
  LimitRecord,
  LimitsAnswer,
  LimitSettings,
  LimitsRequest,
  RecountAnswer,
} from '@millrace/core/store'
import { putUsage, usageOf, type KeyOfLimit, type Limit } from './limits.ts'
import type { Pass } from './home.ts'

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
  if (rate !== null) database.run(CATCH_UP, furthestArrival(rate, now), key)
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
    const usage = usageOf(pass, on)
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

export function limits(pass: Pass, request: LimitsRequest): LimitsAnswer {
  const { names, limit: most, cursor } = request
  const wanted = [...pass.limits.all]
    .filter(({ name }) => (names === null || names.includes(name)) && (cursor === null || name > cursor))
    .filter((limit) => isShown(pass, limit))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
  const page = wanted.slice(0, most)
  return {
    limits: page.map((limit) => recordOf(pass, limit, request)),
    next: wanted.length > most ? page.at(-1)!.name : null,
  }
}

function isShown({ database, now }: Pass, { key, version }: Limit): boolean {
  return version > 0 || database.get<[number]>(ANY_SHUT, key, now)![0] === 1
}

function recordOf(
  { database, now }: Pass,
  limit: Limit,
  { keysMax, keys: meant }: LimitsRequest,
): LimitRecord {
  const { key, name, version, allowance, by, shutUntil, configuredAt } = limit
  type Used = LimitRecord['keys'][number]
  const keys =
    meant === undefined
      ? database.objects<Used>(KEYS_IN_USE, key, now, keysMax)
      : database.objects<Used>(THESE_IN_USE, key, now, JSON.stringify(meant))
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
