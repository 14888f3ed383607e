/** What ended runs: once each, and only by who held the task. */
import { LIFECYCLE, operationOf } from '../../policy/lifecycle.ts'
import { isCutShort, type Book } from './book.ts'
import type { Fence, TaskRecord } from '../../store/records.ts'
import type { Violation } from '../checker.ts'
import type { Settled } from '../history.ts'

const FINAL_EVENTS: readonly string[] = ['succeeded', 'failed', 'cancelled']

export function checkOutcomes(book: Book): readonly Violation[] {
  return [
    ...book.history.final.tasks.flatMap(secondEnds),
    ...book.history.final.tasks.flatMap(lateEnds),
    ...settled(book),
    ...secondSettlements(book),
  ]
}

/** A task ends once, unless it was started over. */
function secondEnds(task: TaskRecord): readonly Violation[] {
  let ended: string | null = null
  for (const { event } of task.history) {
    if (event === 'restarted') ended = null
    if (!FINAL_EVENTS.includes(event)) continue
    if (ended !== null) {
      const says = `Task ${task.id} was ${event} after it had been ${ended}.`
      return [{ code: 'second-outcome', task: task.id, says }]
    }
    ended = event
  }
  return []
}

/** What a task succeeded by is the epoch of its last owner. */
function lateEnds(task: TaskRecord): readonly Violation[] {
  let owned = 0
  for (const { event, epoch } of task.history) {
    if (event === 'claimed' || event === 'reclaimed') owned = epoch
    if (event !== 'succeeded' || epoch === owned) continue
    const says = `Task ${task.id} succeeded under epoch ${epoch}, while epoch ${owned} owned it.`
    return [{ code: 'stale-accepted', task: task.id, says }]
  }
  return []
}

/** Each settlement that was accepted came from the owner at that time, and left its trace. */
function settled(book: Book): readonly Violation[] {
  const { grants, settlements } = book.history
  if (grants === undefined || settlements === undefined) return []
  const owners = Map.groupBy(grants, ({ fence }) => `${fence.task} ${fence.epoch}`)
  const seen = new Set<string>()
  return settlements.flatMap((one) => {
    const { fence, seq, verdict, transition, atMs } = one
    const repeat = seen.has(`${fence.task} ${nameOf(fence)} ${seq}`)
    seen.add(`${fence.task} ${nameOf(fence)} ${seq}`)
    if (verdict === 'stale' || repeat) return []
    // a store that went back may issue an epoch twice: the last one counts
    const owner = owners.get(`${fence.task} ${fence.epoch}`)?.findLast((grant) => grant.atMs <= atMs)
    if (owner?.fence.nonce !== fence.nonce) {
      const says = `A settlement of task ${fence.task} to ${transition.to} was accepted from ${nameOf(fence)}, while ${owner === undefined ? 'the store had never given it that' : `it was given to nonce ${owner.fence.nonce}`}.`
      return [{ code: 'stale-accepted', task: fence.task, says }]
    }
    return traceOf(book, one)
  })
}

/** An accepted settlement that ended a run stands in the history, under the epoch of its fence. */
function traceOf(book: Book, { fence, transition, verdict, atMs }: Settled): readonly Violation[] {
  const task = book.tasks.get(fence.task)
  if (transition.to === 'running' || task === undefined || isCutShort(task) || book.mayForget(atMs)) return []
  const event = verdict === 'cancelled' ? 'cancelled' : LIFECYCLE[operationOf(transition)].event
  const entry = task.history.find(
    (one) => one.epoch === fence.epoch && (one.event === event || one.event === 'cancelled'),
  )
  if (entry !== undefined) return []
  const other = task.history.some((one) => one.event === event && one.epoch > fence.epoch)
  const says = `Task ${task.id}: ${event} was accepted from ${nameOf(fence)}, but ${other ? `stands under a later epoch` : 'its history says nothing of it'}.`
  return [{ code: other ? 'stale-accepted' : 'lost-outcome', task: task.id, says }]
}

/** One fence ends one run; and no two runs of one epoch are both accepted. */
function secondSettlements(book: Book): readonly Violation[] {
  const ends = new Map<string, Settled>()
  // a repeat is answered `applied` where its exchange claimed the task anew, even if it was stale at first
  const seen = new Set<string>()
  return (book.history.settlements ?? []).flatMap((one) => {
    const { fence, seq, verdict, transition } = one
    const name = `${fence.task} ${nameOf(fence)} ${seq}`
    if (seen.has(name)) return []
    seen.add(name)
    if (verdict === 'stale' || transition.to === 'running') return []
    const run = `${fence.task} ${fence.epoch}`
    const first = ends.get(run)
    if (first === undefined || book.mayForget(first.atMs)) ends.set(run, one)
    if (first === undefined || (first.seq === seq && first.fence.nonce === fence.nonce)) return []
    if (book.mayForget(first.atMs) && first.fence.nonce !== fence.nonce) return []
    const says = `Task ${fence.task}: both ${first.transition.to} and ${transition.to} were accepted under epoch ${fence.epoch}.`
    return [{ code: 'second-outcome', task: fence.task, says }]
  })
}

function nameOf({ epoch, nonce }: Fence): string {
  return `epoch ${epoch}, nonce ${nonce}`
}
