/** What a handler throws to say what should happen next; known by `code`. */
import { durationMs, type Duration } from './duration.ts'
import { InvalidArgumentError, MillraceError, type ErrorDetails } from './errors.ts'
import { shown } from './shown.ts'

/** Fails the task for good, whatever attempts are left. */
export class NonRetryableError extends MillraceError {
  declare readonly code: 'non-retryable'
  constructor(message: string, details?: ErrorDetails) {
    super('non-retryable', message, details)
  }
}

/** What is to be left alone: the queue of the task, its type, or all that counts under its key of a limit. */
export type RetryScope = 'queue' | 'type' | { readonly limit: string }

/** What RetryAfterError says besides its message. */
export interface RetryAfterDetails extends ErrorDetails {
  /** Until then nothing else of it starts either, on any worker: a service has answered that it is asked too much. */
  readonly scope?: RetryScope | undefined
}

/** Fails this attempt and says when the next one should start, instead of the backoff. It burns an attempt. */
export class RetryAfterError extends MillraceError {
  declare readonly code: 'retry-after'
  readonly delayMs: number
  readonly scope: RetryScope | undefined
  /** @throws InvalidArgumentError if the delay is no duration, or the scope is none */
  constructor(
    delay: Duration,
    message = 'The handler asked to be retried later.',
    { scope, ...details }: RetryAfterDetails = {},
  ) {
    super('retry-after', message, details)
    this.delayMs = durationMs(delay, 'The delay of RetryAfterError')
    this.scope = scope === undefined ? undefined : checkedScope(scope)
  }
}

function checkedScope(scope: RetryScope): RetryScope {
  if (scope === 'queue' || scope === 'type') return scope
  const limit: unknown = typeof scope === 'object' && scope !== null ? scope.limit : undefined
  if (typeof limit === 'string') return scope
  throw new InvalidArgumentError(`The scope of RetryAfterError is ${shown(scope)}.`, {
    hint: "It is 'queue', 'type', or { limit: NAME } with the name of one of the task's limits.",
  })
}

/** Puts the task off without burning an attempt. */
export class SnoozeError extends MillraceError {
  declare readonly code: 'snooze'
  readonly delayMs: number
  /** @throws InvalidArgumentError if the delay is no duration */
  constructor(delay: Duration, message = 'The handler put the task off.', details?: ErrorDetails) {
    super('snooze', message, details)
    this.delayMs = durationMs(delay, 'The delay of SnoozeError')
  }
}
