/** Duties that any process may carry out, and none must. */
import { STATE } from '@millrace/core/store'
import { isUndelivered, tellDependents } from './dependents.ts'
import { clearGates, openGatesOn } from './gates.ts'
import { forgetKeys } from './limits.ts'
import { endOverdue } from './overdue.ts'
import { OUTBOX, TAKE_OUT } from './statements/dependents.ts'
import { ANY_OLD_SPENDING, FORGET_SPENDINGS } from './statements/budgets.ts'
import { ANY_OLD_WINDOW, FORGET_WINDOWS } from './statements/keys.ts'
import {
  ANY_OLD_TOMBSTONE,
  ENDED_BY,
  FORGET_SESSIONS,
  FORGET_TOMBSTONES,
  OLDEST_ENDED,
  OVERDUE,
  QUEUES_WITH_FINALS,
  TOTAL_VOLUME,
} from './statements/upkeep.ts'
import { draftOf, remove } from './tasks.ts'
import type { PruneRequest, Retention, UpkeepAnswer, UpkeepRequest } from '@millrace/core/store'
import type { Pass } from './home.ts'

/** How long a session's id is remembered, so that its lease is not begun anew and histories can name it. */
const SESSIONS_KEPT_MS = 30 * 86_400_000

export function sweep(pass: Pass, { tasksMax }: UpkeepRequest): UpkeepAnswer {
  const rows = pass.database.all<[number]>(OVERDUE, pass.now, tasksMax + 1)
  const overdue = rows.slice(0, tasksMax)
  for (const [seq] of overdue) endOverdue(pass, seq)
  const gates = clearGates(pass, tasksMax - overdue.length)
  tellDependents(pass)
  return { changed: overdue.length + gates.changed, more: rows.length > overdue.length || gates.more }
}

/** Resolves what was too much for the operations that ended the parents, or opened a gate. */
export function deliver(pass: Pass, { tasksMax }: UpkeepRequest): UpkeepAnswer {
  const { database } = pass
  pass.resolutionsLeft = tasksMax
  let changed = 0
  for (const [parent, until, succeeded] of database.all<[number, number, number]>(OUTBOX, tasksMax)) {
    if (pass.resolutionsLeft === 0) break
    database.run(TAKE_OUT, parent, until)
    pass.ended.push({ seq: parent, succeeded: succeeded === 1, until })
    changed += tellDependents(pass)
  }
  const gates = openGatesOn(pass, tasksMax - changed)
  return { changed: changed + gates.changed, more: isUndelivered(pass) || gates.more }
}

interface Pruning {
  readonly pass: Pass
  left: number
  more: boolean
}

export function prune(pass: Pass, { tasksMax, retention }: PruneRequest): UpkeepAnswer {
  const pruning: Pruning = { pass, left: tasksMax, more: false }
  for (const [queue, own] of pass.database.all<[number, string | null]>(QUEUES_WITH_FINALS)) {
    pruneQueue(pruning, queue, own === null ? retention : (JSON.parse(own) as Retention))
    if (pruning.more) break
  }
  pruneTombstones(pruning)
  pruneWindows(pruning)
  pruneSpendings(pruning)
  pass.database.run(FORGET_SESSIONS, pass.now - SESSIONS_KEPT_MS)
  pass.lanes.prune()
  forgetKeys(pass)
  return { changed: tasksMax - pruning.left, more: pruning.more }
}

function pruneQueue(pruning: Pruning, queue: number, retention: Retention): void {
  const { succeededMs, failedMs, cancelledMs } = retention
  pruneByAge(pruning, queue, { state: STATE.succeeded, keptMs: succeededMs })
  pruneByAge(pruning, queue, { state: STATE.failed, keptMs: failedMs })
  pruneByAge(pruning, queue, { state: STATE.cancelled, keptMs: cancelledMs })
  pruneSurplus(pruning, queue, retention)
}

interface Age {
  readonly state: number
  readonly keptMs: number | null
}

function pruneByAge(pruning: Pruning, queue: number, { state, keptMs }: Age): void {
  const { pass } = pruning
  if (keptMs === null || pruning.more) return
  const rows = pass.database.all<[number]>(ENDED_BY, queue, state, pass.now - keptMs, pruning.left + 1)
  for (const [seq] of rows) if (!removeOne(pruning, seq)) return
}

/** @returns whether it was removed: else this call has removed enough */
function removeOne(pruning: Pruning, seq: number): boolean {
  if (pruning.left === 0) {
    pruning.more = true
    return false
  }
  pruning.left -= 1
  remove(pruning.pass, draftOf(pruning.pass, seq)!, null)
  return true
}

type EndedRow = readonly [finishedAt: number, seq: number, bytes: number, pinned: number]

/** How many final tasks are looked at together. */
const LOOKED_AT = 1_000

/**
 * What is beyond count and bytes, oldest first. Parents of live tasks stay, but take up the room that they
 * take: nobody else goes for them.
 */
function pruneSurplus(pruning: Pruning, queue: number, { count, bytes }: Retention): void {
  const { database } = pruning.pass
  if (pruning.more || (count === null && bytes === null)) return
  const [counted, size] = totalOf(pruning.pass, queue)
  let surplus = count === null ? 0 : counted - count
  let surplusBytes = bytes === null ? 0 : size - bytes
  let place: readonly [number, number] = [-1, -1]
  while (surplus > 0 || surplusBytes > 0) {
    const rows = database.all<EndedRow>(OLDEST_ENDED, queue, LOOKED_AT, ...place)
    for (const [, seq, own, pinned] of rows) {
      if (surplus <= 0 && surplusBytes <= 0) return
      surplus -= 1
      surplusBytes -= own
      if (pinned === 0 && !removeOne(pruning, seq)) return
    }
    const last = rows.at(-1)
    if (last === undefined) return
    place = [last[0], last[1]]
  }
}

/** What the volumes say, and what this operation has changed of it. */
function totalOf({ database, volumes }: Pass, queue: number): readonly [count: number, bytes: number] {
  let [count, bytes] = database.get<[number, number]>(TOTAL_VOLUME, queue)!
  for (const volume of volumes.values()) {
    if (volume.queue !== queue) continue
    count += volume.count
    bytes += volume.bytes
  }
  return [count, bytes]
}

function pruneTombstones(pruning: Pruning): void {
  const { pass } = pruning
  pruning.left -= pass.database.run(FORGET_TOMBSTONES, pass.now, pruning.left)
  pruning.more ||= pass.database.get<[number]>(ANY_OLD_TOMBSTONE, pass.now)![0] === 1
}

function pruneWindows(pruning: Pruning): void {
  const { pass } = pruning
  pruning.left -= pass.database.run(FORGET_WINDOWS, pass.now, pruning.left)
  pruning.more ||= pass.database.get<[number]>(ANY_OLD_WINDOW, pass.now)![0] === 1
}

function pruneSpendings(pruning: Pruning): void {
  const { pass } = pruning
  pruning.left -= pass.database.run(FORGET_SPENDINGS, pass.now, pruning.left)
  pruning.more ||= pass.database.get<[number]>(ANY_OLD_SPENDING, pass.now)![0] === 1
}
