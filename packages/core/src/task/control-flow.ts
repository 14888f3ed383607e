/** What a handler throws to say what should happen next; known by `code`. */
import { durationMs, type Duration } from './duration.ts'
import { MillraceError, type ErrorDetails } from './errors.ts'

/** Fails the task for good, whatever attempts are left. */
export class NonRetryableError extends MillraceError {
  declare readonly code: 'non-retryable'
  constructor(message: string, details?: ErrorDetails) {
    super('non-retryable', message, details)
  }
}

/** Fails this attempt and says when the next one should start, instead of the backoff. It burns an attempt. */
export class RetryAfterError extends MillraceError {
  declare readonly code: 'retry-after'
  readonly delayMs: number
  /** @throws InvalidArgumentError if the delay is no duration */
  constructor(delay: Duration, message = 'The handler asked to be retried later.', details?: ErrorDetails) {
    super('retry-after', message, details)
    this.delayMs = durationMs(delay, 'The delay of RetryAfterError')
  }
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
