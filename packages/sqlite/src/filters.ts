/** Which tasks a filter means, and where a reader has got to. */
import { FINAL_FROM, fitsDescription, looksInto, STATE } from '@millrace/core/store'
import { Refusal } from './failures.ts'
import { lastEntryAt } from './history.ts'
import { MATCH_DETAILS } from './statements/control.ts'
import type { TaskFilter } from '@millrace/core/store'
import type { Home } from './home.ts'
import type { Task } from './tasks.ts'

/** A filter as the statements take it. */
export interface Match {
  readonly states: readonly number[]
  /** `null`: any. `undefined`: nothing can match. */
  readonly queue: number | null | undefined
  /** As JSON; `null`: any. */
  readonly routes: string | null
  readonly filter: TaskFilter
}

const ALL_STATES: readonly number[] = Object.values(STATE)

export function matchOf({ names }: Home, filter: TaskFilter): Match {
  const { states, queue, type } = filter
  const routes = [...names.routes.values()].filter((route) => route.type === type)
  return {
    states: states === undefined ? ALL_STATES : states.map((state) => STATE[state]),
    queue: queue === undefined ? null : names.findQueue(queue)?.key,
    routes: type === undefined ? null : JSON.stringify(routes.map(({ key }) => key)),
    filter,
  }
}

/** What of a row a filter looks into: tags and metadata as JSON, the error as JSON. */
export interface Details {
  readonly route: number
  readonly labels: string | null
  readonly error: string | null
}

export function fitsDetails({ names }: Home, { route, labels, error }: Details, filter: TaskFilter): boolean {
  if (filter.tag === undefined && !looksInto(filter)) return true
  type Labels = [tags: readonly string[], metadata: Readonly<Record<string, string>>]
  const [tags, metadata]: Labels = labels === null ? [[], {}] : (JSON.parse(labels) as Labels)
  const message = error === null ? null : (JSON.parse(error) as { message: string }).message
  return fitsDescription({ type: names.routeOf(route).type, tags, metadata, error: message }, filter)
}

/** Whether a task is as the filter says, and was in its state already at a certain time. */
export function matchesSince(
  home: Home,
  task: Task,
  { filter, until }: { readonly filter: TaskFilter; readonly until: number },
): boolean {
  type Row = [labels: string | null, history: string]
  const [labels, history] = home.database.get<Row>(MATCH_DETAILS, task.seq)!
  return fitsDetails(home, { ...task, labels }, filter) && enteredAt(task, history) <= until
}

/** When a task came into its state. */
function enteredAt(task: Task, history: string): number {
  if (task.claimedAt !== null) return task.claimedAt
  if (task.state >= FINAL_FROM) return task.finishedAt!
  if (task.state === STATE.blocked) return task.enqueuedAt
  return lastEntryAt(history) ?? task.enqueuedAt
}

/**
 * The numbers that a cursor is made of.
 *
 * @throws Refusal if this store never gave it
 */
export function cursorNumbers(cursor: string, count: number): readonly number[] {
  const parts = cursor.split(':')
  if (parts.length === count && parts.every((part) => /^\d{1,15}$/.test(part))) return parts.map(Number)
  throw new Refusal('invalid-argument', `The cursor ${JSON.stringify(cursor)} was not given by this store.`, {
    hint: 'Give `next` of an earlier page as it is, or no cursor to begin anew.',
  })
}
