/** What waits for others starts once: when the last of them has ended. */
import { isCutShort, type Book } from './book.ts'
import type { TaskRecord } from '../../store/records.ts'
import type { Violation } from '../checker.ts'

export function checkJoins(book: Book): readonly Violation[] {
  return book.history.final.tasks
    .filter((task) => task.after.length > 0 && !isCutShort(task))
    .flatMap((task) => [...opened(task), ...early(book, task), ...inSpite(book, task), ...stuck(book, task)])
}

function opened({ id, history }: TaskRecord): readonly Violation[] {
  const times = history.filter(({ event }) => event === 'unblocked').length
  return times < 2 ? [] : [{ code: 'join', task: id, says: `Task ${id} was let go ${times} times.` }]
}

function early({ tasks }: Book, task: TaskRecord): readonly Violation[] {
  // who starts over waits for nobody
  const claimed = task.history.findIndex(({ event }) => event === 'claimed' || event === 'restarted')
  if (task.history[claimed]?.event !== 'claimed') return []
  // who let it go did so with the parent's end, or later; whoever claimed it then may have read the clock a little before
  const released = task.history.slice(0, claimed).findLast(({ event }) => event === 'unblocked')
  const first = released ?? task.history[claimed]!
  // of triggers one is enough
  const awaited = task.after.filter(({ ifFailed }) => ifFailed !== 'trigger')
  return awaited.flatMap(({ parent }) => {
    const other = tasks.get(parent)
    const end = other?.history.find(
      ({ event }) => event === 'succeeded' || event === 'failed' || event === 'cancelled',
    )
    if (other === undefined || isCutShort(other) || (end !== undefined && end.at <= first.at)) return []
    const says = `Task ${task.id} was claimed before its parent ${parent} had ended.`
    return [{ code: 'join', task: task.id, says }]
  })
}

/** What is to end with its parent does not start once that has not succeeded. */
function inSpite({ tasks }: Book, task: TaskRecord): readonly Violation[] {
  const first = task.history.find(({ event }) => event === 'claimed' || event === 'restarted')
  if (first?.event !== 'claimed') return []
  return task.after.flatMap(({ parent, ifFailed }) => {
    const other = tasks.get(parent)
    const ends = other?.state === 'failed' || other?.state === 'cancelled'
    // one that was started over ended more than once
    if (!ends || other.counters.generation > 0 || (ifFailed !== 'cancel' && ifFailed !== 'fail')) return []
    const says = `Task ${task.id} was claimed although its parent ${parent} was ${other.state}.`
    return [{ code: 'join', task: task.id, says }]
  })
}

function stuck({ tasks, bounds }: Book, { id, state, after }: TaskRecord): readonly Violation[] {
  const ended = after.every(({ parent }) => tasks.get(parent)?.finishedAt !== null)
  if (bounds.rest === undefined || state !== 'blocked' || !ended) return []
  return [{ code: 'join', task: id, says: `Task ${id} is blocked although all it waits for has ended.` }]
}
