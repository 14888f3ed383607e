/** Tells dependents what became of their parents. */
import { int8s, uuids } from './arrays.ts'
import { ifFailedOf, STATE, waitsAfter, type DependencyEnd, type IfFailed } from '@millrace/core/store'
import { save } from './saving.ts'
import {
  ANY_OUT,
  CLOSE_EDGES,
  EMPTY_OUTBOX,
  OPEN_EDGES,
  OUT_ALREADY,
  PUT_OUT,
} from './statements/dependents.ts'
import { draftOf, end, loadLive, tell, type Draft } from './tasks.ts'
import type { Pass } from './pass.ts'

type EdgeRow = readonly [parent: string, child: string, ifFailed: number]

/**
 * Saves what the pass has changed, and resolves the open edges of what ended in it. Dependents that end by it
 * are told of in turn, so that a cascade runs on here. Beyond what one operation may resolve, `deliver` goes on.
 *
 * @returns how many edges were resolved
 */
export async function tellDependents(pass: Pass): Promise<number> {
  let told = 0
  while (pass.ended.length > 0) told += await tellOf(pass, pass.ended.splice(0))
  await save(pass)
  return told
}

async function tellOf(pass: Pass, all: Pass['ended']): Promise<number> {
  const { connection } = pass
  const left = pass.resolutionsLeft
  // the edges of what ended already are gone before anybody looks for open ones
  await save(pass)
  const parents = await firstOnes(pass, all)
  const ids = uuids(parents.map(({ parent }) => parent))
  const untils = int8s(parents.map(({ until }) => until ?? SEQ_MAX))
  // one more than allowed tells whether any is left
  const edges = await connection.rows<EdgeRow>(OPEN_EDGES, [ids, untils, left + 1])
  const now = edges.slice(0, left)
  pass.resolutionsLeft -= now.length
  if (now.length > 0) {
    const pairs = [uuids(now.map(([parent]) => parent)), uuids(now.map(([, child]) => child))]
    await connection.run(CLOSE_EDGES, pairs)
    await loadLive(
      pass,
      now.map(([, child]) => child),
    )
  }
  const succeeded = new Map(parents.map((parent) => [parent.parent, parent.succeeded]))
  for (const [parent, child, ifFailed] of now) {
    resolve(pass, draftOf(pass, child), { succeeded: succeeded.get(parent)!, ifFailed: ifFailedOf(ifFailed) })
  }
  const rest = edges[left]
  if (rest !== undefined)
    await putOut(pass, parents.slice(parents.findIndex(({ parent }) => parent === rest[0])))
  return now.length
}

const SEQ_MAX = Number.MAX_SAFE_INTEGER

/** Those who waited for an earlier end of a parent come first: then the later one has to wait, too. */
async function firstOnes(pass: Pass, parents: Pass['ended']): Promise<Pass['ended']> {
  const ids = parents.filter(({ until }) => until === undefined).map(({ parent }) => parent)
  const rows = ids.length === 0 ? [] : await pass.connection.rows<[string]>(OUT_ALREADY, [uuids(ids)])
  const out = new Set(rows.map(([parent]) => parent))
  const first: Pass['ended'] = []
  const seen = new Set<string>()
  const later: Pass['ended'] = []
  for (const parent of parents) {
    const isLater = seen.has(parent.parent) || (parent.until === undefined && out.has(parent.parent))
    ;(isLater ? later : first).push(parent)
    seen.add(parent.parent)
  }
  await putOut(pass, later)
  return first
}

async function putOut({ connection }: Pass, parents: Pass['ended']): Promise<void> {
  if (parents.length === 0) return
  const ids = uuids(parents.map(({ parent }) => parent))
  const untils = parents.map(({ until }) => until ?? null)
  await connection.run(PUT_OUT, [ids, untils, parents.map(({ succeeded }) => succeeded)])
}

function resolve(
  pass: Pass,
  draft: Draft | undefined,
  { succeeded, ifFailed }: { readonly succeeded: boolean; readonly ifFailed: IfFailed },
): void {
  if (draft?.task.state !== STATE.blocked) return
  const { task } = draft
  const waits = waitsAfter(task, ifFailed, succeeded)
  if (typeof waits === 'string') {
    endByParent(pass, draft, waits)
    return
  }
  Object.assign(task, waits)
  if (task.blockers === 0) unblock(pass, draft)
}

/** What its parents did ends the task. */
export function endByParent(pass: Pass, draft: Draft, operation: DependencyEnd): void {
  if (operation === 'dependency-fail') {
    tell(pass, draft, { event: 'failed', detail: 'dependency' })
    end(pass, draft, { state: STATE.failed, reason: 'dependency' })
  } else {
    tell(pass, draft, { event: 'cancelled', detail: 'dependency' })
    end(pass, draft, { state: STATE.cancelled })
  }
}

/** The gate that a blocked task waits for is open. */
export function oneLess(pass: Pass, draft: Draft): void {
  const { task } = draft
  task.blockers -= 1
  if (task.blockers === 0) unblock(pass, draft)
}

function unblock(pass: Pass, draft: Draft): void {
  draft.task.state = STATE.pending
  tell(pass, draft, { event: 'unblocked' })
}

/** Takes parents out of the outbox, to be told of in this pass. */
export async function takeOut(pass: Pass, parentsMax: number): Promise<void> {
  type Row = readonly [parent: string, until: number, succeeded: boolean]
  const rows = await pass.connection.rows<Row>(EMPTY_OUTBOX, [parentsMax])
  for (const [parent, until, succeeded] of rows) pass.ended.push({ parent, until, succeeded })
}

export async function isUndelivered({ connection }: Pass): Promise<boolean> {
  return (await connection.rows<[boolean]>(ANY_OUT))[0]![0]
}
