/** What a caller is told when a group was not added. */
import {
  AmbiguousError,
  codeOf,
  ConflictError,
  FencedError,
  type MillraceError,
  StoreError,
  UniqueKeyError,
  UnknownParentError,
} from '../task/errors.ts'
import type { Arrival } from './batcher.ts'
import type { Rejection, TaskGroup } from '../store/port.ts'
import type { TaskSpec } from '../store/records.ts'

export function refusalOf(
  arrival: Exclude<Arrival, { readonly outcome: 'added' }>,
  { tasks, under }: TaskGroup,
): unknown {
  switch (arrival.outcome) {
    case 'rejected':
      return rejectionError(arrival.rejection)
    case 'stale':
      return new FencedError(under?.task ?? 'this task')
    case 'busy':
      return busyError()
    case 'failed':
      return tasks.length === 1 ? namedError(arrival.error, tasks[0]!) : arrival.error
  }
}

/** To repeat an enqueue under the same id one has to know it. */
function namedError(error: unknown, { id }: TaskSpec): unknown {
  if (codeOf(error) !== 'ambiguous') return error
  const { message, cause } = error as AmbiguousError
  const hint = `Repeat the call with { id: '${id}' }: a task is never created twice under one id.`
  return new AmbiguousError(message, { cause, hint })
}

function busyError(): StoreError {
  return new StoreError('store-busy', 'Somebody held a lock that this enqueue needs for too long.', {
    effect: 'none',
    hint: 'Nothing was written: try again.',
  })
}

export function rejectionError(rejection: Rejection): MillraceError {
  switch (rejection.code) {
    case 'conflict':
      return new ConflictError(rejection.id)
    case 'unique':
      return new UniqueKeyError(rejection.key, rejection.by)
    case 'unknown-parent':
      return new UnknownParentError(rejection.parent)
    case 'gate-gone':
      return new AmbiguousError(
        'Writing this graph took longer than an hour; it was given up, and none of it will run.',
        { hint: 'Enqueue it again under new ids, in smaller parts or from nearer to the store.' },
      )
  }
}
