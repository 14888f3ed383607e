/**
 * The sums of limits: what a store does for each lane that it comes by, and what it is tested against.
 *
 * Rates are the generic cell rate algorithm (ITU-T I.371, in its virtual scheduling form): each unit of cost takes
 * `perMs / limit`, and what was started may be ahead of the clock by as much as `burst` units take.
 */
import type { Allowance, Rate, Usage } from '../store/flow.ts'

/** The use of a limit's key under which nothing was ever started. */
export const UNUSED: Usage = { used: 0, arrivalAt: 0, shutUntil: 0 }

/** Sums of fractions may be off by so much, in milliseconds. */
const EPSILON_MS = 1e-6

/**
 * When a task of this cost may start, as far as time decides: at once if that is not ahead of `now`.
 *
 * @param cost from 1
 */
export function admittedAt(rate: Rate, arrivalAt: number, task: { now: number; cost: number }): number {
  const unitMs = rate.perMs / rate.limit
  const cost = Math.min(task.cost, rate.burst)
  const at = Math.max(arrivalAt, task.now) + (cost - rate.burst) * unitMs
  return at - task.now <= EPSILON_MS ? task.now : at
}

/** The arrival time behind a task that starts now. */
export function arrivalAfter(rate: Rate, arrivalAt: number, task: { now: number; cost: number }): number {
  return Math.max(arrivalAt, task.now) + (Math.min(task.cost, rate.burst) * rate.perMs) / rate.limit
}

/** The furthest that an arrival is ahead under a rate: what was used under a slower one keeps nobody any longer. */
export function furthestArrival({ perMs, limit, burst }: Rate, now: number): number {
  return now + (burst * perMs) / limit
}

/** Whether a task may start now under a key, and if not, when to look again: `null` means once a slot is given back. */
export type Room = { readonly free: true } | { readonly free: false; readonly againAt: number | null }

export const FREE: Room = { free: true }

/** @param shutUntil of the limit as a whole */
export function roomUnder(
  { allowance, shutUntil }: { readonly allowance: Allowance; readonly shutUntil: number },
  usage: Usage,
  task: { readonly now: number; readonly cost: number },
): Room {
  const shut = Math.max(shutUntil, usage.shutUntil)
  if (shut > task.now) return { free: false, againAt: shut }
  const { concurrency, rate } = allowance
  if (concurrency !== null && usage.used >= concurrency) return { free: false, againAt: null }
  if (rate === null) return FREE
  const at = admittedAt(rate, usage.arrivalAt, task)
  return at <= task.now ? FREE : { free: false, againAt: at }
}

/** What was used of a key behind a task that starts now. */
export function usageAfter(
  { concurrency, rate }: Allowance,
  usage: Usage,
  task: { readonly now: number; readonly cost: number },
): Usage {
  return {
    used: concurrency === null ? usage.used : usage.used + 1,
    arrivalAt: rate === null ? usage.arrivalAt : arrivalAfter(rate, usage.arrivalAt, task),
    shutUntil: usage.shutUntil,
  }
}
