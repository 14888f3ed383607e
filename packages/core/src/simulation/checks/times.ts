/** Nothing starts before its time, nor when its time is over. */
import { isCutShort, type Book } from './book.ts'
import type { HistoryEntry, TaskRecord } from '../../store/records.ts'
import type { Violation } from '../checker.ts'

export function checkTimes(book: Book): readonly Violation[] {
  return book.history.final.tasks.flatMap((task) => {
    if (isCutShort(task)) return []
    return [
      ...beforeDue(book, task),
      ...beforeWake(task),
      ...whenOver(task),
      ...handlersBeforeDue(book, task),
    ]
  })
}

/** When it was to start first, in store time; `null`: nobody said. */
function dueAtFirst({ asked }: Book, { id, enqueuedAt }: TaskRecord): number | null {
  const due = asked.get(id)?.due
  if (due === undefined) return null
  return 'at' in due ? due.at : enqueuedAt + due.inMs
}

function beforeDue(book: Book, task: TaskRecord): readonly Violation[] {
  const due = dueAtFirst(book, task)
  const first = task.history.find(({ event }) => event === 'claimed' || event === 'restarted')
  if (due === null || first?.event !== 'claimed' || first.at >= due) return []
  const says = `Task ${task.id} was claimed ${due - first.at} ms before it was due.`
  return [{ code: 'started-early', task: task.id, says }]
}

/** What was snoozed says for how long. */
function beforeWake(task: TaskRecord): readonly Violation[] {
  const { history, id } = task
  return history.flatMap((entry, index) => {
    const next: HistoryEntry | undefined = history[index + 1]
    if (entry.event !== 'snoozed' || entry.detail === null || next?.event !== 'claimed') return []
    const early = entry.at + Number(entry.detail) - next.at
    if (!(early > 0)) return []
    const says = `Task ${id} was claimed ${early} ms before its snooze was over.`
    return [{ code: 'started-early', task: id, says }]
  })
}

/** By the clock of whoever ran it. */
function handlersBeforeDue(book: Book, task: TaskRecord): readonly Violation[] {
  const due = dueAtFirst(book, task)
  const { storeTime } = book.bounds
  const first = book.effects.get(task.id)?.find(({ phase }) => phase === 'start')
  const restarted = task.history.some(({ event }) => event === 'restarted')
  if (due === null || storeTime === undefined || first === undefined || restarted) return []
  const early = due - (first.atMs + storeTime.aheadMs) - (storeTime.toleranceMs ?? 0)
  if (early <= 0) return []
  const says = `The handler of task ${task.id} started ${early} ms before it was due.`
  return [{ code: 'started-early', task: task.id, says }]
}

/** At or past its `startBy` (unless it had been started) or its deadline a task is not claimed. */
function whenOver({ id, history, startBy, deadlineAt }: TaskRecord): readonly Violation[] {
  // both count from the last time that it was started over
  const born = history.findLastIndex(({ event }) => event === 'restarted')
  let started = false
  for (const { event, at } of history.slice(born + 1)) {
    if (event === 'retry' || event === 'crashed' || event === 'snoozed') started = true
    if (event !== 'claimed') continue
    const over =
      startBy !== null && !started && at >= startBy
        ? 'startBy'
        : deadlineAt !== null && at >= deadlineAt
          ? 'deadline'
          : null
    if (over === null) continue
    const says = `Task ${id} was claimed although its ${over} had passed.`
    return [{ code: 'started-too-late', task: id, says }]
  }
  return []
}
