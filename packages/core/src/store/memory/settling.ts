/** Applies what core decided about a claim, under its fence. */
import { operationOf, underCancelRequest } from '../../policy/lifecycle.ts'
import { LOG_ENTRIES_MAX, type Nonce } from '../records.ts'
import { frozenCopy } from './copies.ts'
import { shut } from './limits.ts'
import { move, type Move } from './moves.ts'
import { fits, ownerOf, type Task } from './task.ts'
import type { Notes, Settlement, Transition, Verdict } from '../settlement.ts'
import type { Pass } from './home.ts'

/** @param nonce that of the exchange */
export function settle(pass: Pass, settlement: Settlement, nonce: Nonce): Verdict {
  const { fence, seq, transition, notes } = settlement
  const task = pass.home.tasks.get(fence.task)
  if (task === undefined) return 'stale'
  if (!fits(task, fence)) {
    // this very exchange settled it and then claimed it anew, but was not answered
    const claimedHere = task.state === 'running' && ownerOf(task).nonce === nonce
    return claimedHere ? 'applied' : 'stale'
  }
  const owner = ownerOf(task)
  if (owner.settled?.seq === seq) return owner.settled.verdict
  if (task.state !== 'running') return 'stale'
  // a late copy of a settlement before the last: what it says was applied, and is history by now
  if (owner.settled !== null && seq < owner.settled.seq) return 'applied'
  take(task, notes)
  const landed = task.cancel === null ? transition : underCancelRequest(transition)
  move(pass, task, {
    operation: operationOf(landed),
    by: owner.session,
    ...outcomeOf(pass, task, landed),
  })
  const verdict = landed.to === transition.to ? 'applied' : 'cancelled'
  owner.settled = { seq, verdict }
  return verdict
}

function take(task: Task, notes: Notes | null): void {
  if (notes === null) return
  if (notes.progress !== null) task.progress = frozenCopy(notes.progress)
  task.logs.push(...frozenCopy(notes.logs.slice(-LOG_ENTRIES_MAX)))
  task.logs.splice(0, task.logs.length - LOG_ENTRIES_MAX)
}

/** What a transition brings with it. Where it says nothing of the error, the last one stays; success forgets it. */
function outcomeOf(pass: Pass, task: Task, transition: Transition): Pick<Move, 'set' | 'detail'> {
  const given = frozenCopy(transition)
  if ('shut' in given && given.shut !== undefined) shut(pass, given.shut)
  switch (given.to) {
    case 'succeeded':
      return { set: { result: given.result, payload: null, error: null } }
    case 'failed':
      return { set: { reason: given.reason, error: given.error }, detail: given.reason }
    case 'cancelled':
      return { set: { error: given.error ?? task.error }, detail: task.cancel?.reason }
    case 'running':
      return { set: { checkpoint: given.checkpoint ?? task.checkpoint } }
    case 'pending': {
      const { delayMs, error } = given
      const set = { error: error ?? task.error, runAt: delayMs === null ? task.runAt : pass.now + delayMs }
      return { set, detail: error?.name ?? (delayMs === null ? null : String(delayMs)) }
    }
  }
}
