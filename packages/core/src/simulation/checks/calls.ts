/** What clients were promised against what is there. */
import type { Book } from './book.ts'
import type { TaskId } from '../../store/records.ts'
import type { Violation } from '../checker.ts'
import type { Call } from '../history.ts'

/** What has to stand in a task's history once a command was answered so. */
const TRACES: Partial<Record<Call['op'], Readonly<Record<string, readonly string[]>>>> = {
  cancel: { changed: ['cancelled'], requested: ['cancel-requested'] },
  retry: { changed: ['restarted'] },
  complete: { changed: ['succeeded'] },
}

export function checkCalls(book: Book): readonly Violation[] {
  const created = new Map<TaskId, Call>()
  const found = book.history.calls.flatMap((call) => {
    if (call.phase !== 'ok') return []
    return call.ids.flatMap((id, index) => {
      if (call.op === 'enqueue')
        return promised(book, { call, id, answer: call.answers?.[index] ?? 'created' }, created)
      return commanded(book, { call, id, answer: call.answers?.[index] ?? 'changed' })
    })
  })
  return [...found, ...unanswered(book), ...madeUp(book), ...denied(book)]
}

interface Promised {
  readonly call: Call
  readonly id: TaskId
  readonly answer: string
}

function promised(
  book: Book,
  { call, id, answer }: Promised,
  created: Map<TaskId, Call>,
): readonly Violation[] {
  const found: Violation[] = []
  if (answer !== 'duplicate' && book.bounds.ids === 'remembered') {
    const first = created.get(id)
    created.set(id, call)
    // a repeat is told once more whom it replaced
    if (first !== undefined && answer === 'created' && !book.mayForget(first.atMs)) {
      const says = `Task ${id} was created for call ${nameOf(first)}, and once more for call ${nameOf(call)}.`
      found.push({ code: 'created-twice', task: id, says })
    }
  }
  if (!isThere(book, id) && !mayForgetCall(book, call)) {
    const says = `Task ${id} was acknowledged to call ${nameOf(call)}, and the store knows nothing of it.`
    found.push({ code: 'lost', task: id, says })
  }
  return found
}

/** The store may have carried it out at any time since it was asked. */
function mayForgetCall(book: Book, call: Call): boolean {
  const { history, bounds } = book
  if (bounds.forgotten === undefined) return false
  const asked = history.calls.find((one) => one.phase === 'invoke' && nameOf(one) === nameOf(call))
  const fromMs = asked?.atMs ?? call.atMs
  return (
    book.mayForget(call.atMs) ||
    bounds.forgotten.some((span) => fromMs <= span.toMs && span.fromMs <= call.atMs)
  )
}

function commanded(book: Book, { call, id, answer }: Promised): readonly Violation[] {
  const traces = TRACES[call.op]?.[answer]
  const task = book.tasks.get(id)
  if (traces === undefined || task === undefined || book.mayForget(call.atMs)) return []
  if (task.history.some(({ event }) => traces.includes(event))) return []
  const says = `Call ${nameOf(call)} to ${call.op} task ${id} was answered "${answer}", of which its history says nothing.`
  return [{ code: 'lost-command', task: id, says }]
}

function isThere({ tasks, history }: Book, id: TaskId): boolean {
  return tasks.has(id) || (history.final.remembered ?? []).some((one) => one.id === id)
}

function unanswered({ history, bounds }: Book): readonly Violation[] {
  if (bounds.calls !== 'all answered') return []
  const open = new Map<string, Call>()
  for (const call of history.calls) {
    if (call.phase === 'invoke') open.set(nameOf(call), call)
    else open.delete(nameOf(call))
  }
  return [...open].map(([name, { op, ids }]) => ({
    code: 'never-answered',
    task: ids[0] ?? null,
    says: `Call ${name} (${op}) was never answered.`,
  }))
}

function madeUp({ history, bounds, tasks }: Book): readonly Violation[] {
  if (bounds.enqueues !== 'all journalled') return []
  const asked = new Set(history.calls.filter(({ op }) => op === 'enqueue').flatMap(({ ids }) => ids))
  const fired = new Set((history.fires ?? []).map(({ task }) => task))
  return [...tasks.keys()]
    .filter((id) => !asked.has(id) && !fired.has(id))
    .map((id) => ({ code: 'never-enqueued', task: id, says: `Nobody ever asked for task ${id}.` }))
}

/** A call that failed had no effect; one that may have had says that nobody knows. */
function denied({ history, tasks }: Book): readonly Violation[] {
  const failed = new Map<TaskId, Call>()
  const others = new Set<TaskId>()
  for (const call of history.calls) {
    if (call.op !== 'enqueue' || call.client === 'door' || call.phase === 'invoke') continue
    for (const id of call.ids) {
      if (call.phase === 'fail') failed.set(id, call)
      else others.add(id)
    }
  }
  return [...failed]
    .filter(([id]) => tasks.has(id) && !others.has(id))
    .map(([id, call]) => ({
      code: 'never-enqueued',
      task: id,
      says: `Call ${nameOf(call)} failed for good, and task ${id} is there all the same.`,
    }))
}

function nameOf({ client, call }: Call): string {
  return `${client}/${call}`
}
