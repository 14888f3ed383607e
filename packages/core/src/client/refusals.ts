/** What a caller is told when a group was not added. */
import {
  AmbiguousError,
  BackpressureError,
  codeOf,
  ConflictError,
  FencedError,
  type MillraceError,
  StoreError,
  UniqueKeyError,
  UnknownParentError,
} from '../task/errors.ts'
import type { Excess, Load } from '../policy/budgets.ts'
import type { Arrival } from './batcher.ts'
import type { BudgetScope } from '../store/budgets.ts'
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
    case 'backpressure': {
      const { message, hint, retryAfterMs } = rejection
      return new BackpressureError(message, { hint: hint ?? undefined, retryAfterMs })
    }
  }
}

export interface Exceeded {
  readonly scope: BudgetScope
  readonly load: Load
  readonly excess: Excess
  readonly now: number
}

/** A group does not fit into a budget. */
export function exceeded({ scope, load, excess, now }: Exceeded): BackpressureError {
  const { of, limit, used, againAt } = excess
  const who = `The ${scope.kind} ${scope.name}`
  const raise = `mill.budgets.put({ ${scope.kind}: ${JSON.stringify(scope.name)} }, …)`
  if (of === 'tasks' || of === 'bytes') {
    const more = of === 'tasks' ? `${load.tasks} more do` : `${load.bytes} more do`
    const holds = of === 'tasks' ? `${used} of ${limit} tasks` : `${used} of ${limit} bytes of payload`
    return new BackpressureError(`${who} holds ${holds}; ${more} not fit.`, {
      hint: `Wait until some of its tasks have ended, or raise its budget: ${raise}.`,
    })
  }
  const retryAfterMs = againAt === null ? null : Math.max(Math.ceil(againAt - now), 0)
  const what = of === 'tasks per period' ? `${used} of ${limit} tasks` : `${used} of ${limit} ms in handlers`
  return new BackpressureError(`${who} has used ${what} of this period.`, {
    hint: `Try again when it is over (retryAfterMs says when), or raise its quota: ${raise}.`,
    retryAfterMs,
  })
}
