/** Edges that were written in transactions of the user's, beside their parents: here the two come together. */
import { FINAL_FROM, STATE } from '@millrace/core/store'
import { FLAG } from './codes.ts'
import { KNOWN_TASKS } from './statements/adding.ts'
import { DROP_LATE_EDGES, LATE_EDGES } from './statements/guests.ts'
import { PUT_OUT } from './statements/dependents.ts'
import { draftOf, loadFree } from './tasks.ts'
import { int8s, uuids } from './arrays.ts'
import type { Pass } from './pass.ts'

type LateRow = readonly [seq: number, parent: string, edge: number]
type KnownRow = readonly [id: string, digest: string, state: number, gate: number | null, rank: number]

/**
 * A parent that lives will tell its dependents when it ends; of one that has ended they are told as of any end, by way
 * of the outbox. What somebody has locked is left for the next time.
 *
 * @returns how many edges were taken up
 */
export async function takeUpLateEdges(pass: Pass, edgesMax: number): Promise<number> {
  const { connection } = pass
  const rows = await connection.rows<LateRow>(LATE_EDGES, [edgesMax])
  if (rows.length === 0) return 0
  const parents = [...new Set(rows.map(([, parent]) => parent))]
  await loadFree(pass, parents)
  const states = await statesOf(pass, parents)
  const ended: LateRow[] = []
  const done: number[] = []
  for (const row of rows) {
    const [seq, parent] = row
    const draft = draftOf(pass, parent)
    const state = states.get(parent)
    if (draft === undefined && state !== undefined && state < FINAL_FROM) continue
    done.push(seq)
    if (draft === undefined) ended.push(row)
    else draft.task.flags |= FLAG.parent
  }
  if (done.length > 0) await connection.run(DROP_LATE_EDGES, [int8s(done)])
  if (ended.length > 0) {
    await connection.run(PUT_OUT, [
      uuids(ended.map(([, parent]) => parent)),
      int8s(ended.map(([, , edge]) => edge)),
      ended.map(([, parent]) => states.get(parent) === STATE.succeeded),
    ])
  }
  return done.length
}

/** One that nobody knows any more was removed, and its tombstone, too. */
async function statesOf({ connection, now }: Pass, ids: readonly string[]): Promise<Map<string, number>> {
  const states = new Map<string, number>()
  for (const [id, , state] of await connection.rows<KnownRow>(KNOWN_TASKS, [uuids(ids), now]))
    if (!states.has(id)) states.set(id, state)
  return states
}
