/** No unique key is held by two tasks at once. */
import { isCutShort, livesOf, type Book } from './book.ts'
import type { TaskId, TaskRecord, UniqueSpec } from '../../store/records.ts'
import type { Violation } from '../checker.ts'

interface Hold {
  readonly task: TaskId
  readonly from: number
  readonly to: number
}

export function checkKeys(book: Book): readonly Violation[] {
  const holds = new Map<string, Hold[]>()
  for (const task of book.history.final.tasks) {
    const unique = book.asked.get(task.id)?.unique ?? null
    if (unique === null || isCutShort(task)) continue
    const name = typeof unique.while === 'string' ? `key ${unique.key}` : `window ${unique.key}`
    holds.set(name, [...(holds.get(name) ?? []), ...holdsOf(task, unique)])
  }
  return [...holds].flatMap(([name, own]) => overlaps(name, own))
}

/** When a task surely held its key, in store time. */
function holdsOf(task: TaskRecord, unique: UniqueSpec): readonly Hold[] {
  const { id, history, enqueuedAt } = task
  if (unique.while === 'live') return livesOf(task).map((life) => ({ task: id, ...life }))
  if (unique.while === 'waiting') {
    // what comes back takes it only if nobody has it: only the first wait is sure
    const over = history.find(
      ({ event }) => event === 'claimed' || event === 'cancelled' || event === 'failed',
    )
    return [{ task: id, from: enqueuedAt, to: over?.at ?? Infinity }]
  }
  // who replaced it began its own window
  const replaced = history.find(
    ({ event, detail }) => event === 'cancelled' && detail?.startsWith('replaced') === true,
  )
  const to = Math.min(enqueuedAt + unique.while.withinMs, replaced?.at ?? Infinity)
  return [{ task: id, from: enqueuedAt, to }]
}

function overlaps(name: string, holds: readonly Hold[]): readonly Violation[] {
  const found: Violation[] = []
  let last: Hold | undefined
  for (const hold of holds.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (last !== undefined && hold.from < last.to && hold.from < hold.to) {
      const says = `Task ${hold.task} took the ${name} at ${hold.from}, while task ${last.task} had it.`
      found.push({ code: 'key-held-twice', task: hold.task, says })
    }
    if (last === undefined || hold.to > last.to) last = hold
  }
  return found
}
