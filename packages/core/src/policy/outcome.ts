/** What becomes of a task after an attempt: the decision that a store then applies under the fence. */
import { crashDelayMs, retryDelayMs } from './retry.ts'
import type { LimitName } from '../store/flow.ts'
import type { Claim, Counters, Payload, TaskError } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

/** How a claim ended, as its worker (or the reclaimer) saw it. */
export type Outcome =
  | { readonly kind: 'returned'; readonly result: Payload | null }
  /** The handler threw, or its attempt ran out of time. `delayMs`: the wait it asked for; `false`: no retry. */
  | {
      readonly kind: 'failed'
      readonly reason: 'error' | 'timeout'
      readonly error: TaskError
      readonly delayMs?: number | false | undefined
      /** What is to be left alone for so long as the task waits by its own wish. */
      readonly shut?: { readonly name: LimitName; readonly key: string } | undefined
    }
  /** The payload or the result cannot be what it should be; running it again would not help. */
  | { readonly kind: 'invalid'; readonly error: TaskError }
  | { readonly kind: 'snoozed'; readonly delayMs: number }
  /** Given back unfinished, at a shutdown or before it was started. */
  | { readonly kind: 'unfinished' }
  /** The handler gave way to a cancel request, or the time it had for that is over. */
  | { readonly kind: 'cancelled'; readonly error: TaskError | null }
  /** What ran it ended: a worker with whatever else it ran, or an isolate that never ran anything but this task. */
  | { readonly kind: 'crashed'; readonly in: 'company' | 'isolation'; readonly error: TaskError }
  /** All attempts together took too long. */
  | { readonly kind: 'outlived'; readonly error: TaskError }

/** So often a task may crash in isolation, where nothing else can be to blame. */
const ISOLATED_CRASHES_MAX = 3

/** From so many crashes on a task is run alone, as far as its worker can. */
const SUSPECT_FROM = 2

/** Whether so many crashes make it likely that the task itself is what crashes. */
export function isSuspect({ crashes }: Pick<Counters, 'crashes'>): boolean {
  return crashes >= SUSPECT_FROM
}

/**
 * What becomes of the task. A cancel request is not looked at: while one stands, the store turns every way back
 * to pending, and every failure but a crash, into `cancelled`.
 *
 * @param claim how the task fared so far, this claim not yet counted
 * @param chance a random number from 0 to 1, 1 excluded, for the jitter
 */
export function decide(
  claim: Pick<Claim, 'counters' | 'policy'>,
  outcome: Outcome,
  chance: number,
): Transition {
  switch (outcome.kind) {
    case 'returned':
      return { to: 'succeeded', result: outcome.result }
    case 'invalid':
      return { to: 'failed', count: 'none', reason: 'invalid', error: outcome.error }
    case 'outlived':
      return { to: 'failed', count: 'none', reason: 'timeout', error: outcome.error }
    case 'cancelled':
      return { to: 'cancelled', error: outcome.error }
    case 'snoozed':
      return { to: 'pending', count: 'snooze', delayMs: outcome.delayMs, error: null }
    case 'unfinished':
      return { to: 'pending', count: 'return', delayMs: null, error: null }
    case 'crashed': {
      const { error } = outcome
      const count = outcome.in === 'isolation' ? 'isolated-crash' : 'crash'
      if (count === 'isolated-crash' && claim.counters.isolatedCrashes + 1 >= ISOLATED_CRASHES_MAX)
        return { to: 'failed', count, reason: 'crashed', error }
      const delayMs = crashDelayMs(claim.counters.crashes + 1, chance)
      return { to: 'pending', count, delayMs, error }
    }
    case 'failed': {
      const { reason, error } = outcome
      const delayMs = delayAfter(claim, outcome.delayMs, chance)
      const asked = typeof outcome.delayMs === 'number' ? outcome.delayMs : 0
      const shut = outcome.shut === undefined ? {} : { shut: { ...outcome.shut, ms: asked } }
      if (delayMs === null) return { to: 'failed', count: 'failure', reason, error, ...shut }
      return { to: 'pending', count: 'failure', delayMs, error, ...shut }
    }
  }
}

/** The wait before the next attempt; `null` if there is none. What the handler asked for goes before the backoff. */
function delayAfter(
  claim: Pick<Claim, 'counters' | 'policy'>,
  asked: number | false | undefined,
  chance: number,
): number | null {
  if (asked === false) return null
  const backoffMs = retryDelayMs(claim.policy.retry, claim.counters.failures + 1, chance)
  return backoffMs === null ? null : (asked ?? backoffMs)
}
