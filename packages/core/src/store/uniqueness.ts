/** What stores share about unique keys. */
import { InvalidArgumentError } from '../task/errors.ts'
import type { TaskGroup } from './port.ts'
import type { TaskId, TaskState, UniqueSpec } from './records.ts'

/** A unique key that is held for a time, whatever becomes of its task. */
export interface WindowSpec extends UniqueSpec {
  readonly while: { readonly withinMs: number }
}

/** Whether the key is held for a time, and not by a task's life. */
export function isWindow(unique: UniqueSpec): unique is WindowSpec {
  return typeof unique.while === 'object'
}

/** Whether the holder of a key may be replaced by a newcomer that asks for it. */
export function isReplaceable(state: TaskState | 'gone'): boolean {
  return state === 'blocked' || state === 'pending'
}

/** What the history of a replaced task says. */
export function detailOfReplaced(by: TaskId): string {
  return `replaced by ${by}`
}

/**
 * Refuses what cannot be kept: a task behind a gate may never be, and then what it replaced was cancelled for
 * nothing.
 *
 * @throws InvalidArgumentError
 */
export function checkReplacements(groups: readonly TaskGroup[]): void {
  for (const { gate, tasks } of groups) {
    if (gate === null || tasks.every(({ unique }) => unique?.then !== 'replace')) continue
    throw new InvalidArgumentError('A task behind a gate is to replace another one.', { hint: REPLACE_HINT })
  }
}

const REPLACE_HINT =
  "An atomic bulk of more than 1 000 tasks, or 8 MiB, is written behind a gate: enqueue what has then: 'replace' by itself."

/**
 * Refuses what would keep strangers waiting: whom a transaction of the user's replaces stays locked until it ends.
 *
 * @throws InvalidArgumentError
 */
export function checkGuestReplacements({ tasks }: TaskGroup): void {
  if (tasks.every(({ unique }) => unique?.then !== 'replace')) return
  throw new InvalidArgumentError("A task with unique.then: 'replace' is enqueued in a transaction.", {
    hint: "Whom it replaces would be locked until the commit: enqueue it after that, or with then: 'keep' or 'reject'.",
  })
}
