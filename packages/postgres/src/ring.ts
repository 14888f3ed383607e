/**
 * Succeeded tasks go round a ring of partitions: one is filled for a time, then the next. When all that is in the
 * oldest one is beyond retention it is emptied as a whole, which costs next to nothing. What cannot go yet (the tasks
 * of another queue, the parents of live ones) is moved along first, if it is little.
 */
import { codeOfError, SQLSTATE } from './errors.ts'
import { CLIENT_ID_MS, USER_ID_MS } from './saving.ts'
import { ADD_VOLUMES } from './statements/tasks.ts'
import { int4s, int8s } from './arrays.ts'
import { STATE } from '@millrace/core/store'
import {
  BURY_ALL_OF,
  CONTENTS_OF,
  COUNT_KEPT_OF,
  EMPTY_OF,
  HOLD_OF,
  MOVE_KEPT,
  PINNED_IN,
  LATE_ENDS_OF,
  READ_RING,
  RING,
  TAKE_RING,
  TURN_RING,
  WHOLESALE,
} from './statements/ring.ts'
import type { Connection } from './database.ts'
import type { Home, Pass } from './pass.ts'
import type { Retention } from '@millrace/core/store'

/** Nothing smaller than this is emptied as a whole. */
const PART_BYTES = 8 * 1_024 ** 2
/** Of what retention allows, in bytes, number or time, a partition gets this part. */
const PART = 1 / 6
/** How far, as a factor, a queue of many tasks may exceed what retention allows before they are removed one by one. */
const SLACK = 1.5
const MANY_TASKS = 100_000
/** With less than this in all partitions, in bytes of rows, none of them gets large enough. */
const MANY_BYTES = 64 * 1_024 ** 2
/** So many tasks are moved along at most. */
const MOVED_MAX = 20_000
/** So many ids of clients are remembered of one partition, the youngest. */
const BURIED_MAX = 250_000

/** What there is of final tasks of a queue, and what may be. */
export interface Volume {
  readonly queue: number
  readonly tasks: number
  readonly bytes: number
  readonly kept: Retention
}

export interface Ring {
  readonly slot: number
  readonly sinceMs: number
  /** Bytes of rows, by partition. */
  readonly sizes: readonly number[]
}

export async function readRing({ connection, database }: Pass): Promise<Ring> {
  const [row] = await connection.rows<[number, number, string]>(READ_RING, [database.schema])
  const [slot, sinceMs, sizes] = row!
  return { slot, sinceMs, sizes: JSON.parse(sizes) as readonly number[] }
}

/** Goes on to the next partition once this one has its part of what retention allows. */
export async function turn({ connection, now }: Pass, ring: Ring, volumes: readonly Volume[]): Promise<void> {
  const { slot, sinceMs, sizes } = ring
  const next = (slot + 1) % RING
  if (sizes[slot]! < PART_BYTES || sizes[next]! > 0) return
  const isOld = volumes.some(
    ({ kept }) => kept.succeededMs !== null && now - sinceMs >= kept.succeededMs * PART,
  )
  const allowed = totalOf(sizes) / Math.max(0, ...volumes.map(fullness))
  if (isOld || sizes[slot]! >= allowed * PART) await connection.run(TURN_RING, [slot, next, now])
}

/** What is removed one by one: of a queue of many tasks only what whole partitions do not bring. */
export function boundsFor(ring: Ring, { tasks, kept }: Volume): Retention {
  if (totalOf(ring.sizes) < MANY_BYTES || tasks < MANY_TASKS) return kept
  const { succeededMs, count, bytes } = kept
  const slack = (bound: number | null): number | null => (bound === null ? null : bound * SLACK)
  return { ...kept, succeededMs: slack(succeededMs), count: slack(count), bytes: slack(bytes) }
}

/** How much there is of what retention allows; 1: all that it allows. */
function fullness({ tasks, bytes, kept }: Volume): number {
  return Math.max(tasks / (kept.count ?? Infinity), bytes / (kept.bytes ?? Infinity))
}

function totalOf(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0)
}

/**
 * Empties the oldest partition, if all that is in it is beyond retention.
 *
 * @returns whether it did
 */
export async function emptyOldest(home: Home, ring: Ring, volumes: readonly Volume[]): Promise<boolean> {
  const slot = oldestOf(ring)
  if (slot === undefined) return false
  try {
    return await home.database.transaction((connection, now) =>
      empty({ connection, now, slot, ring, schema: home.database.schema }, volumes),
    )
  } catch (error) {
    // a dump, say, or a transaction of the user's is at it: another time
    if (codeOfError((error as Error).cause) === SQLSTATE.lockTimeout) return false
    throw error
  }
}

/** The first one behind the one that is being filled which has anything in it, if it has enough. */
function oldestOf({ slot, sizes }: Ring): number | undefined {
  for (let step = 1; step < RING; step++) {
    const other = (slot + step) % RING
    if (sizes[other]! > 0) return sizes[other]! >= PART_BYTES ? other : undefined
  }
  return undefined
}

interface Emptying {
  readonly connection: Connection
  readonly now: number
  readonly slot: number
  readonly ring: Ring
  readonly schema: string
}

type ContentsRow = readonly [
  queue: number,
  tasks: number,
  bytes: number,
  lastEnd: number,
  lastArrival: number,
  madeByUsers: number,
]

async function empty(emptying: Emptying, volumes: readonly Volume[]): Promise<boolean> {
  const { connection, now, slot, ring, schema } = emptying
  const [alone] = await connection.rows<[boolean]>(TAKE_RING, [schema])
  if (!alone![0]) return false
  const ends = new Map(await connection.rows<[queue: number, lateEnd: number | null]>(LATE_ENDS_OF[slot]!))
  if (!mayBeBeyond(emptying, volumes, ends)) return false
  for (const setting of WHOLESALE) await connection.run(setting)
  const found = await connection.rows<ContentsRow>(CONTENTS_OF[slot]!)
  const until = found.map((row) => untilOf(row, { now, volumes, ends }))
  const limits = [int4s(found.map(([queue]) => queue)), int8s(until)]
  const [kept] = await connection.rows<[number]>(COUNT_KEPT_OF[slot]!, limits)
  const madeByUsers = found.reduce((sum, row) => sum + row[5], 0)
  if (kept![0] > MOVED_MAX || madeByUsers > BURIED_MAX) return false
  await connection.run(MOVE_KEPT, [...limits, slot, ring.slot])
  const going = await connection.rows<ContentsRow>(CONTENTS_OF[slot]!)
  const lastArrival = Math.max(0, ...going.map((row) => row[4]))
  await connection.run(BURY_ALL_OF[slot]!, [now, CLIENT_ID_MS, USER_ID_MS, lastArrival - BURIED_MAX])
  // from here on nothing comes to it any more; it has to be as it was found
  await connection.run(HOLD_OF[slot]!)
  const held = await connection.rows<ContentsRow>(CONTENTS_OF[slot]!)
  const [pinned] = await connection.rows<[boolean]>(PINNED_IN[slot]!)
  if (pinned![0] || JSON.stringify(held) !== JSON.stringify(going)) return false
  await connection.run(EMPTY_OF[slot]!)
  await connection.run(ADD_VOLUMES, [
    int4s(going.map(([queue]) => queue)),
    int4s(going.map(() => STATE.succeeded)),
    int8s(going.map(([, tasks]) => -tasks)),
    int8s(going.map(([, , bytes]) => -bytes)),
  ])
  return true
}

type Ends = ReadonlyMap<number, number | null>

/** By its size, and by when nearly all of its tasks had ended, so that it is not read in vain. */
function mayBeBeyond({ now, slot, ring }: Emptying, volumes: readonly Volume[], ends: Ends): boolean {
  const { sizes } = ring
  const share = sizes[slot]! / totalOf(sizes)
  return volumes.some((volume) => {
    const lateEnd = ends.get(volume.queue) ?? null
    const { succeededMs } = volume.kept
    if (lateEnd !== null && succeededMs !== null && lateEnd <= now - succeededMs) return true
    return fullness(volume) * (1 - 0.9 * share) >= 1
  })
}

interface Judging {
  readonly now: number
  readonly volumes: readonly Volume[]
  readonly ends: Ends
}

/** Until when the tasks of a queue must have ended to go: by their age, or nearly all if there is too much by as much. */
function untilOf([queue, tasks, bytes]: ContentsRow, { now, volumes, ends }: Judging): number {
  const volume = volumes.find((one) => one.queue === queue)
  if (volume === undefined) return -1
  const { succeededMs, count, bytes: bytesMax } = volume.kept
  const tooMuch =
    volume.tasks - tasks >= (count ?? Infinity) || volume.bytes - bytes >= (bytesMax ?? Infinity)
  if (tooMuch) return ends.get(queue) ?? now
  return succeededMs === null ? -1 : now - succeededMs
}
