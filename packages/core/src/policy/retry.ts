/** How long to wait before the next attempt. */
import { DEFAULT_BACKOFF } from '../task/options.ts'
import type { RetryPolicy } from '../store/records.ts'

/**
 * The wait after a failure, in milliseconds; `null` if no attempt is left.
 *
 * @param failures how many attempts have failed, this one included
 * @param chance a random number from 0 to 1, 1 excluded
 */
export function retryDelayMs(policy: RetryPolicy, failures: number, chance: number): number | null {
  switch (policy.kind) {
    case 'delays':
      return policy.delaysMs[failures - 1] ?? null
    case 'fixed':
      return failures < policy.attempts ? policy.baseMs : null
    case 'exponential':
      return failures < policy.attempts ? fullJitterMs(policy, failures, chance) : null
    case 'custom':
      // only the worker that knows the definition can ask the user's function; others back off as by default
      return failures < policy.attempts ? fullJitterMs(DEFAULT_BACKOFF, failures, chance) : null
  }
}

/** How many attempts there are in all. */
export function attemptsOf(policy: RetryPolicy): number {
  return policy.kind === 'delays' ? policy.delaysMs.length + 1 : policy.attempts
}

/**
 * The wait after a crash, in milliseconds; `null` leaves the due time as it was, as after the first. Crashes are
 * no fault of the task as far as we know, so the waits between them do not follow its own policy.
 *
 * @param crashes how often the task has crashed, this time included
 * @param chance a random number from 0 to 1, 1 excluded
 */
export function crashDelayMs(crashes: number, chance: number): number | null {
  return crashes <= 1 ? null : fullJitterMs(DEFAULT_BACKOFF, crashes - 1, chance)
}

/** From here on base × 2^n is beyond every `max`. */
const DOUBLINGS_MAX = 50

/**
 * Exponential backoff with full jitter: a random whole number from 0 to min(max, base × 2^(n-1)), both included.
 * It spreads tasks that failed together best (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture
 * Blog, 2015).
 */
function fullJitterMs(
  range: { readonly baseMs: number; readonly maxMs: number },
  n: number,
  chance: number,
): number {
  const capMs = Math.min(range.maxMs, range.baseMs * 2 ** Math.min(n - 1, DOUBLINGS_MAX))
  return Math.floor(chance * (capMs + 1))
}
