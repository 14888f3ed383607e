/** Duties that any process may carry out, and none must. */
import { uuids } from './arrays.ts'
import { forgetKeys, takeUpLateSlots } from './keeping.ts'
import { takeUpLateEdges } from './late-edges.ts'
import { isUndelivered, takeOut, tellDependents } from './dependents.ts'
import { clearGates, openGatesOn } from './gates.ts'
import { endOverdue } from './overdue.ts'
import { inPass, type Home, type Pass } from './pass.ts'
import { boundsFor, emptyOldest, readRing, turn, type Ring, type Volume } from './ring.ts'
import { CLIENT_ID_MS, USER_ID_MS } from './saving.ts'
import { takeUpLateSeries } from './series.ts'
import { FORGET_SPENDINGS } from './statements/budgets.ts'
import { ANY_OLD_WINDOW, FORGET_WINDOWS } from './statements/keys.ts'
import {
  ADD_UP_VOLUMES,
  ANY_OLD_TOMBSTONE,
  ENDED_BY,
  FORGET_REPEATED,
  FORGET_SESSIONS,
  FORGET_TOMBSTONES,
  OLDEST_ENDED,
  OVERDUE,
  REMOVE_ENDED,
} from './statements/upkeep.ts'
import type { PruneRequest, Retention, UpkeepAnswer, UpkeepRequest } from '@millrace/core/store'

/** How long a session's id is remembered, so that its lease is not begun anew and histories can name it. */
const SESSIONS_KEPT_MS = 30 * 86_400_000

export function sweep(home: Home, { tasksMax }: UpkeepRequest): Promise<UpkeepAnswer> {
  return inPass(home, async (pass) => {
    const rows = await pass.connection.rows<[string]>(OVERDUE, [pass.now, tasksMax + 1])
    const overdue = rows.slice(0, tasksMax).map(([id]) => id)
    await endOverdue(pass, overdue)
    const gates = await clearGates(pass, tasksMax - overdue.length)
    await tellDependents(pass)
    return { changed: overdue.length + gates.changed, more: rows.length > overdue.length || gates.more }
  })
}

/** Resolves what was too much for the operations that ended the parents, or opened a gate, and what waits for a parent by way of a transaction of the user's. */
export function deliver(home: Home, { tasksMax }: UpkeepRequest): Promise<UpkeepAnswer> {
  return inPass(home, async (pass) => {
    pass.resolutionsLeft = tasksMax
    const late = await takeUpLateEdges(pass, tasksMax)
    await takeOut(pass, tasksMax)
    const told = await tellDependents(pass)
    const gates = await openGatesOn(pass, tasksMax - told)
    const slots = await takeUpLateSlots(pass, tasksMax)
    const series = await takeUpLateSeries(pass, tasksMax)
    const full = late === tasksMax || slots === tasksMax || series === tasksMax
    const changed = late + told + gates.changed
    return { changed, more: full || gates.more || (await isUndelivered(pass)) }
  })
}

interface Pruning {
  readonly pass: Pass
  left: number
  more: boolean
}

type VolumeRow = readonly [queue: number, retention: string | null, tasks: number, bytes: number]

export async function prune(home: Home, request: PruneRequest): Promise<UpkeepAnswer> {
  const { ring, volumes } = await inPass(home, (pass) => survey(pass, request))
  if (await emptyOldest(home, ring, volumes)) return { changed: 1, more: true }
  return inPass(home, (pass) => pruneEach(pass, request))
}

interface Survey {
  readonly ring: Ring
  readonly volumes: readonly Volume[]
}

/** What there is, and what may be. */
async function survey(pass: Pass, { retention }: PruneRequest): Promise<Survey> {
  const ring = await readRing(pass)
  const rows = await pass.connection.rows<VolumeRow>(ADD_UP_VOLUMES)
  const volumes = rows.map(([queue, own, tasks, bytes]) => {
    return { queue, tasks, bytes, kept: own === null ? retention : (JSON.parse(own) as Retention) }
  })
  await turn(pass, ring, volumes)
  return { ring, volumes }
}

/** What it surveys stays as it is until its end: nobody else removes anything meanwhile. */
async function pruneEach(pass: Pass, request: PruneRequest): Promise<UpkeepAnswer> {
  const { tasksMax } = request
  const { ring, volumes } = await survey(pass, request)
  const pruning: Pruning = { pass, left: tasksMax, more: false }
  for (const volume of volumes) {
    const { queue, tasks, bytes } = volume
    const kept = boundsFor(ring, volume)
    const removed = await pruneByAge(pruning, queue, kept)
    await pruneSurplus(pruning, { queue, kept, tasks: tasks - removed.tasks, bytes: bytes - removed.bytes })
    if (pruning.more) break
  }
  await pruneTombstones(pruning)
  await pruneWindows(pruning)
  await pass.connection.run(FORGET_REPEATED, [pass.now])
  await forgetKeys(pass)
  await pass.connection.run(FORGET_SPENDINGS, [pass.now])
  await pass.connection.run(FORGET_SESSIONS, [pass.now - SESSIONS_KEPT_MS])
  return { changed: tasksMax - pruning.left, more: pruning.more }
}

const SLOTS = { succeeded: [0, 1, 2, 3, 4, 5, 6, 7], failed: [8], cancelled: [9] } as const
const ALL_SLOTS: readonly number[] = Object.values(SLOTS).flat()

interface Removed {
  tasks: number
  bytes: number
}

async function pruneByAge(pruning: Pruning, queue: number, kept: Retention): Promise<Removed> {
  const { pass } = pruning
  const removed: Removed = { tasks: 0, bytes: 0 }
  const ages = [
    [SLOTS.succeeded, kept.succeededMs],
    [SLOTS.failed, kept.failedMs],
    [SLOTS.cancelled, kept.cancelledMs],
  ] as const
  for (const [slots, keptMs] of ages) {
    if (keptMs === null || pruning.more) continue
    const values = [queue, [...slots], pass.now - keptMs, pruning.left + 1]
    const rows = await pass.connection.rows<[string]>(ENDED_BY, values)
    const one = await removeAll(
      pruning,
      rows.map(([id]) => id),
      slots,
    )
    removed.tasks += one.tasks
    removed.bytes += one.bytes
  }
  return removed
}

/** As many as this call may remove; beyond that there is more to do. */
async function removeAll(
  pruning: Pruning,
  ids: readonly string[],
  slots: readonly number[],
): Promise<Removed> {
  const { pass } = pruning
  const now = ids.slice(0, pruning.left)
  pruning.more ||= now.length < ids.length
  if (now.length === 0) return { tasks: 0, bytes: 0 }
  const values = [uuids(now), [...slots], pass.now, CLIENT_ID_MS, USER_ID_MS]
  const [row] = await pass.connection.rows<[tasks: number, bytes: number]>(REMOVE_ENDED, values)
  const [tasks, bytes] = row!
  pruning.left -= tasks
  return { tasks, bytes }
}

interface Surplus extends Removed {
  readonly queue: number
  readonly kept: Retention
}

type EndedRow = readonly [finishedAt: number, seq: number, id: string, bytes: number, pinned: boolean]

/** How many final tasks are looked at together. */
const LOOKED_AT = 1_000

/**
 * What is beyond count and bytes, oldest first. Parents of live tasks stay, but take up the room that they
 * take: nobody else goes for them.
 */
async function pruneSurplus(pruning: Pruning, { queue, kept, tasks, bytes }: Surplus): Promise<void> {
  let surplus = kept.count === null ? 0 : tasks - kept.count
  let surplusBytes = kept.bytes === null ? 0 : bytes - kept.bytes
  let place: readonly [number, number] = [-1, -1]
  while ((surplus > 0 || surplusBytes > 0) && !pruning.more) {
    const values = [queue, ...place, LOOKED_AT]
    const rows = await pruning.pass.connection.rows<EndedRow>(OLDEST_ENDED, values)
    const beyond: string[] = []
    for (const [, , id, own, pinned] of rows) {
      if (surplus <= 0 && surplusBytes <= 0) break
      surplus -= 1
      surplusBytes -= own
      if (!pinned) beyond.push(id)
    }
    await removeAll(pruning, beyond, ALL_SLOTS)
    const last = rows.at(-1)
    if (last === undefined) return
    place = [last[0], last[1]]
  }
}

async function pruneTombstones(pruning: Pruning): Promise<void> {
  const { pass } = pruning
  const { connection, now } = pass
  pruning.left -= await connection.run(FORGET_TOMBSTONES, [now, pruning.left])
  const [row] = await connection.rows<[boolean]>(ANY_OLD_TOMBSTONE, [now])
  pruning.more ||= row![0]
}

async function pruneWindows(pruning: Pruning): Promise<void> {
  const { connection, now } = pruning.pass
  pruning.left -= await connection.run(FORGET_WINDOWS, [now, pruning.left])
  const [row] = await connection.rows<[boolean]>(ANY_OLD_WINDOW, [now])
  pruning.more ||= row![0]
}
