/**
 * Circuit breakers over a dependency of handlers: after too many failures nothing that needs it starts for a while;
 * then some probes do, and how they end decides. What a breaker says is kept in the store as a limit (shut until a
 * time, and behind that as many at once as there are probes), so that all workers go by it; here is how one
 * worker comes to its decisions.
 */
import type { LimitRecord } from '../store/flow.ts'

export interface BreakerPolicy {
  /** It opens when this share of the outcomes in the window failed, from 0 to 1 … */
  readonly share: number
  /** … of so many outcomes at least: 1 000 at most, since more are not kept. */
  readonly of: number
  readonly withinMs: number
  /** For how long it stays open before it lets probes through. */
  readonly openMs: number
  /** How many run at once while it is half open, and have to succeed before it closes. */
  readonly probes: number
}

/** Outcomes of a worker, the oldest first. */
export interface Window {
  readonly outcomes: readonly Outcome[]
}

export interface Outcome {
  /** By a monotonic clock. */
  readonly atMs: number
  readonly failed: boolean
}

/** More than this are not kept: the oldest make room. */
export const OUTCOMES_MAX = 1_000

export const EMPTY_WINDOW: Window = { outcomes: [] }

/** The window with one more outcome; what is older than it reaches is gone. */
export function seen({ outcomes }: Window, outcome: Outcome, { withinMs }: BreakerPolicy): Window {
  const from = outcome.atMs - withinMs
  const recent = outcomes.filter(({ atMs }) => atMs > from)
  return { outcomes: [...recent, outcome].slice(-OUTCOMES_MAX) }
}

/** Whether so much failed that the dependency is to be left alone. */
export function isTripped({ outcomes }: Window, { share, of }: BreakerPolicy): boolean {
  if (outcomes.length < of) return false
  const failed = outcomes.filter((outcome) => outcome.failed).length
  return failed >= share * outcomes.length
}

/** What a breaker says at a time, as its limit tells. */
export type BreakerState = 'closed' | 'open' | 'half-open'

export function breakerState(
  limit: Pick<LimitRecord, 'allowance' | 'shutUntil'> | undefined,
  now: number,
): BreakerState {
  if (limit === undefined) return 'closed'
  if (limit.shutUntil > now) return 'open'
  return limit.allowance.concurrency === null ? 'closed' : 'half-open'
}
