/** Tells dependents what became of their parents. */
import { ifFailedOf, STATE, waitsAfter, type DependencyEnd } from '@millrace/core/store'
import { ANY_EDGES, ANY_OUT, CLOSE_EDGES, IS_OUT, OPEN_EDGES, PUT_OUT } from './statements/dependents.ts'
import { move } from './moves.ts'
import { draftOf, lastSeq, save, type Draft } from './tasks.ts'
import type { Ended, Pass } from './home.ts'

/**
 * Resolves the open edges of what ended in this operation. Dependents that end by it are told of in turn, so
 * that a cascade runs on here. Beyond what one operation may resolve, `deliver` goes on.
 *
 * @returns how many edges were resolved
 */
export function tellDependents(pass: Pass): number {
  const { ended } = pass
  if (ended.length === 0) return 0
  if (!anyEdges(pass)) {
    ended.length = 0
    return 0
  }
  let told = 0
  for (let parent = ended.shift(); parent !== undefined; parent = ended.shift()) {
    told += tellOf(pass, parent)
  }
  return told
}

function tellOf(pass: Pass, parent: Ended): number {
  const { database } = pass
  if (parent.until === undefined && database.get(IS_OUT, parent.seq) !== undefined) {
    // those who waited for an earlier end come first
    putOut(pass, parent)
    return 0
  }
  // one more than allowed tells whether any is left
  const edges = database.all<[child: number, ifFailed: number]>(
    OPEN_EDGES,
    parent.seq,
    parent.until ?? Number.MAX_SAFE_INTEGER,
    pass.resolutionsLeft + 1,
  )
  const now = edges.slice(0, pass.resolutionsLeft)
  const last = now.at(-1)
  if (last !== undefined) database.run(CLOSE_EDGES, parent.seq, last[0])
  pass.resolutionsLeft -= now.length
  for (const [child, ifFailed] of now) resolve(pass, child, { succeeded: parent.succeeded, ifFailed })
  if (edges.length > now.length) putOut(pass, parent)
  return now.length
}

function putOut(pass: Pass, { seq, succeeded, until = lastSeq(pass) }: Ended): void {
  pass.database.run(PUT_OUT, seq, until, succeeded ? 1 : 0)
}

function resolve(pass: Pass, child: number, edge: { succeeded: boolean; ifFailed: number }): void {
  const draft = draftOf(pass, child)
  if (draft === undefined || draft.task.state !== STATE.blocked) return
  const { task } = draft
  const waits = waitsAfter(task, ifFailedOf(edge.ifFailed), edge.succeeded)
  if (typeof waits === 'string') {
    endByParent(pass, draft, waits)
    return
  }
  if (waits.blockers === task.blockers) return
  Object.assign(task, waits)
  if (task.blockers === 0) move(pass, draft, { operation: 'unblock' })
  save(pass, draft)
}

/** What its parents did ends the task. */
export function endByParent(pass: Pass, draft: Draft, operation: DependencyEnd): void {
  move(pass, draft, { operation, detail: 'dependency' })
  save(pass, draft)
}

/** The gate that a blocked task waits for is open. */
export function oneLess(pass: Pass, draft: Draft): void {
  const { task } = draft
  task.blockers -= 1
  if (task.blockers === 0) move(pass, draft, { operation: 'unblock' })
  save(pass, draft)
}

/** Whether there are any edges. Operations that add some do not ask; so one look is enough for each. */
export function anyEdges(pass: Pass): boolean {
  pass.anyEdges ??= pass.database.get<[number]>(ANY_EDGES)![0] === 1
  return pass.anyEdges
}

/** Whether the outbox holds anything: without edges it cannot. */
export function isUndelivered(pass: Pass): boolean {
  return anyEdges(pass) && pass.database.get<[number]>(ANY_OUT)![0] === 1
}
