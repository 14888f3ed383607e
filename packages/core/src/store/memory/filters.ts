/** Which tasks a filter means, and where a reader of a list has got to. */
import { InvalidArgumentError } from '../../task/errors.ts'
import { fitsDescription, type Described } from '../matching.ts'
import { stateOf, type Task } from './task.ts'
import type { TaskFilter } from '../control.ts'

export function fitsFilter(task: Task, filter: TaskFilter): boolean {
  const { states, queue, type } = filter
  return (
    (states === undefined || states.includes(stateOf(task))) &&
    (queue === undefined || task.spec.queue === queue) &&
    (type === undefined || task.spec.type === type) &&
    fitsDescription(describedOf(task), filter)
  )
}

function describedOf({ spec: { type, tags, metadata }, error }: Task): Described {
  return { type, tags, metadata, error: error?.message ?? null }
}

/**
 * The numbers that a cursor is made of.
 *
 * @throws InvalidArgumentError if this store never gave it
 */
export function cursorNumbers(cursor: string, count: number): readonly number[] {
  const parts = cursor.split(':')
  if (parts.length === count && parts.every((part) => /^\d{1,15}$/.test(part))) return parts.map(Number)
  throw new InvalidArgumentError(`The cursor ${JSON.stringify(cursor)} was not given by this store.`, {
    hint: 'Give `next` of an earlier page as it is, or no cursor to begin anew.',
  })
}
