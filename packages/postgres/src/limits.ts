/** What is allowed under names and keys, and what was used of it. */
import { furthestArrival, nonceValue } from '@millrace/core/store'
import { int4s, texts, uuids } from './arrays.ts'
import { nonceOf } from './codes.ts'
import { takeUpLateSlots } from './keeping.ts'
import { laneOfText, partitionNumber } from './lanes.ts'
import { inPass, type Home, type Pass } from './pass.ts'
import {
  ADD_KEYS,
  CATCH_UP,
  COUNTING_LIMITS,
  DROP_KEYS_OF,
  DROP_LIMIT,
  DROP_WEIGHT,
  HOLD_CLAIMS,
  LOCK_KEYS_OF,
  LOCK_LIMIT,
  READ_KEYS,
  READ_LIMITS,
  READ_PARTITIONS,
  RUNNING_COUNTED,
  SET_COUNTED,
  SET_LIMIT,
  SET_USED,
  SET_WEIGHT,
} from './statements/limits.ts'
import type {
  LimitName,
  LimitRecord,
  LimitsAnswer,
  LimitSettings,
  LimitsRequest,
  PartitionRecord,
  PartitionSettings,
  Rate,
  RecountAnswer,
  TaskId,
} from '@millrace/core/store'

type LimitRow = readonly [version: number, nonce: string | null, concurrency: number | null]

export function configureLimit(home: Home, request: LimitSettings): Promise<'applied' | 'outdated'> {
  const { nonce, name, version, allowance, by, shutMs } = request
  const { concurrency, rate } = allowance
  return inPass(home, async (pass) => {
    const { connection, now, hint } = pass
    // whoever claims meanwhile would not know of it, and could not be counted
    await connection.run(HOLD_CLAIMS)
    const [row] = await connection.rows<LimitRow>(LOCK_LIMIT, [name])
    const [before, lastNonce, counted] = row ?? [0, null, null]
    if (lastNonce !== null && nonceOf(lastNonce) === nonce) return 'applied'
    if (version !== null && version !== before) return 'outdated'
    const rates =
      rate === null ? [null, null, null] : [JSON.stringify(rate), rate.perMs / rate.limit, rate.burst]
    const shutUntil = shutMs === null ? 0 : now + shutMs
    await connection.run(SET_LIMIT, [name, nonceValue(nonce), concurrency, ...rates, by, shutUntil, now])
    if (rate !== null) await connection.run(CATCH_UP, [name, furthestArrival(rate, now)])
    if ((counted !== null) !== (concurrency !== null)) await countAnew(pass, name, concurrency !== null)
    hint.ready = true
    return 'applied'
  })
}

export function removeLimit(home: Home, name: LimitName): Promise<void> {
  return inPass(home, async ({ connection, hint }) => {
    await connection.run(HOLD_CLAIMS)
    hint.ready = (await connection.run(DROP_LIMIT, [name])) > 0
    // tasks that run keep the numbers of these keys, which nobody ever has again
    await connection.run(DROP_KEYS_OF, [name])
  })
}

type RunningRow = readonly [
  id: TaskId,
  queue: string,
  type: string,
  lane: string | null,
  counted: string | null,
]
type KeyRow = readonly [id: number, key: string, used: number]

interface Counted {
  readonly key: string
  readonly was: number
  readonly is: number
}

/** Late slots that one count takes up: whoever counts must have seen all of them. */
const SLOTS_MAX = 1_000_000

/**
 * Counts what runs under a limit. Nobody claims, and nobody gives back a slot of it, until this is written: the keys are
 * locked before the tasks are looked at. Tasks that somebody has locked, and that were not counted yet, are about to
 * end in a transaction of the user's.
 */
async function countAnew(pass: Pass, name: LimitName, counts: boolean): Promise<readonly Counted[]> {
  const { connection } = pass
  await takeUpLateSlots(pass, SLOTS_MAX)
  await connection.rows<KeyRow>(LOCK_KEYS_OF, [name])
  const running = (await connection.rows<RunningRow>(RUNNING_COUNTED)).map((row) => ({
    row,
    key: keyUnder(row, name),
  }))
  const keys = new Set(running.map(({ key }) => key).filter((key) => key !== null))
  if (counts && keys.size > 0) await connection.run(ADD_KEYS, [name, texts([...keys])])
  const rows = await connection.rows<KeyRow>(LOCK_KEYS_OF, [name])
  const ids = new Map(rows.map(([id, key]) => [key, id]))
  const own = new Set(ids.values())
  const used = new Map<string, number>()
  const changes: { readonly id: TaskId; readonly key: string | null; readonly counted: string | null }[] = []
  for (const { row, key } of running) {
    const [id, , , , counted] = row
    const before = counted === null ? [] : counted.slice(1, -1).split(',').map(Number)
    const after = before.filter((one) => !own.has(one))
    if (counts && key !== null) after.push(ids.get(key)!)
    const isSame = before.length === after.length && after.every((one) => before.includes(one))
    if (!isSame) changes.push({ id, key, counted: after.length === 0 ? null : `{${after.join(',')}}` })
    else if (counts && key !== null) used.set(key, (used.get(key) ?? 0) + 1)
  }
  const set = new Set(changes.length === 0 ? [] : await setCounted(pass, changes))
  for (const { id, key } of changes)
    if (counts && key !== null && set.has(id)) used.set(key, (used.get(key) ?? 0) + 1)
  const all = rows.map(([, key, was]) => ({ key, was, is: used.get(key) ?? 0 }))
  const wrong = all.filter(({ was, is }) => was !== is)
  if (wrong.length > 0)
    await connection.run(SET_USED, [
      int4s(wrong.map(({ key }) => ids.get(key)!)),
      int4s(wrong.map(({ is }) => is)),
    ])
  return all
}

async function setCounted(
  { connection }: Pass,
  changes: readonly { readonly id: TaskId; readonly counted: string | null }[],
): Promise<readonly TaskId[]> {
  const sorted = changes.toSorted((one, other) => (one.id < other.id ? -1 : 1))
  const values = [uuids(sorted.map(({ id }) => id)), texts(sorted.map(({ counted }) => counted))]
  return (await connection.rows<[TaskId]>(SET_COUNTED, values)).map(([id]) => id)
}

/** The key under which a task counts there; `null`: it does not. */
function keyUnder([, queue, type, lane]: RunningRow, name: LimitName): string | null {
  if (name === `queue:${queue}` || name === `type:${type}`) return ''
  return laneOfText(lane)?.limits.find((limit) => limit.name === name)?.key ?? null
}

export function recount(home: Home): Promise<RecountAnswer> {
  return inPass(home, async (pass) => {
    await pass.connection.run(HOLD_CLAIMS)
    let keys = 0
    const mended: RecountAnswer['mended'][number][] = []
    for (const [name] of await pass.connection.rows<[LimitName]>(COUNTING_LIMITS)) {
      const counted = await countAnew(pass, name, true)
      keys += counted.length
      for (const { key, was, is } of counted) if (was !== is) mended.push({ name, key, was, is })
    }
    if (mended.length > 0) pass.hint.ready = true
    return { keys, mended }
  })
}

type ListedRow = readonly [
  name: string,
  version: number,
  concurrency: number | null,
  rate: string | null,
  by: string,
  shutUntil: number,
  configuredAt: number,
]
type UsedRow = readonly [name: string, key: string, used: number, arrivalAt: number, shutUntil: number]

export function limits(home: Home, request: LimitsRequest): Promise<LimitsAnswer> {
  const { names, limit: most, cursor, keysMax, keys: meant } = request
  return inPass(home, async ({ connection, now }) => {
    const wanted = [names === null ? null : texts(names), cursor, most + 1, now]
    const rows = await connection.rows<ListedRow>(READ_LIMITS, wanted)
    const page = rows.slice(0, most)
    const listed = texts(page.map(([name]) => name))
    const asked = [listed, now, meant?.length ?? keysMax, meant === undefined ? null : texts(meant)]
    const used = page.length === 0 ? [] : await connection.rows<UsedRow>(READ_KEYS, asked)
    return {
      limits: page.map((row) => recordOf(row, used)),
      next: rows.length > most ? page.at(-1)![0] : null,
    }
  })
}

function recordOf(row: ListedRow, used: readonly UsedRow[]): LimitRecord {
  const [name, version, concurrency, rate, by, shutUntil, configuredAt] = row
  return {
    name,
    version,
    by: by as LimitRecord['by'],
    shutUntil,
    configuredAt,
    allowance: { concurrency, rate: rate === null ? null : (JSON.parse(rate) as Rate) },
    keys: used
      .filter(([of]) => of === name)
      .map(([, key, count, arrivalAt, until]) => ({ key, used: count, arrivalAt, shutUntil: until })),
  }
}

export async function configurePartition(
  { database }: Home,
  { partition, weight }: PartitionSettings,
): Promise<void> {
  const number = partitionNumber(partition)
  if (weight === null) await database.run(DROP_WEIGHT, [number])
  else await database.run(SET_WEIGHT, [number, partition, weight])
}

export async function partitions({ database }: Home): Promise<readonly PartitionRecord[]> {
  const rows = await database.rows<[string, number]>(READ_PARTITIONS)
  return rows.map(([partition, weight]) => ({ partition, weight }))
}
