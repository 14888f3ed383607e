/** When a schedule fires, and what becomes of the times at which nobody looked. All of it from plain data. */
import { CronExpression } from './cron.ts'
import { fireAfter, type ClockChanges, type Fire, type WallClock } from './cron-times.ts'
import { Zone } from './zone.ts'
import { InvalidArgumentError } from '../task/errors.ts'
import { shown } from '../task/shown.ts'

export type { ClockChanges, Fire } from './cron-times.ts'

/** When a schedule fires. */
export type Plan = Bounds & (CronPlan | IntervalPlan)

interface Bounds {
  /** No fire before it, and none after it. */
  readonly fromAt: number | null
  readonly untilAt: number | null
}

export interface CronPlan {
  readonly cron: string
  readonly zone: string
  readonly dst: ClockChanges
}

/** Multiples of `everyMs`, counted from `fromAt`, else from 1970. */
export interface IntervalPlan {
  readonly everyMs: number
}

/** What becomes of fires for which nobody was there: one run for all of them, none, or the latest so many. */
export type Missed = 'one' | 'none' | { readonly all: number }

/** A fire counts as missed once it is so late. */
export const MISSED_AFTER_MS = 60_000

/** The latest time that a store can keep. */
const TIME_MAX = 2 ** 47 - 1

/** Compiled expressions and zones; there are few of either. */
const crons = new Map<string, CronExpression>()
const zones = new Map<string, Zone>()
const KEPT_MAX = 1_000

/** @throws InvalidArgumentError if the expression or the zone is none */
export function checkPlan(plan: Plan): void {
  if ('cron' in plan) clockOf(plan)
}

/** The first fire after a point in time; `null` if there is none any more. */
export function nextFire(plan: Plan, after: number): Fire | null {
  const { fromAt, untilAt } = plan
  const from = fromAt === null ? after : Math.max(after, fromAt - 1)
  const fire = 'cron' in plan ? fireAfter(clockOf(plan), from) : nextMultiple(plan, from)
  return fire === null || fire.at > Math.min(untilAt ?? TIME_MAX, TIME_MAX) ? null : fire
}

function nextMultiple({ everyMs, fromAt }: IntervalPlan & Bounds, after: number): Fire {
  const anchor = fromAt ?? 0
  return { at: anchor + (Math.floor((after - anchor) / everyMs) + 1) * everyMs, note: null }
}

/** The fires after a point in time, up to and including another one. */
export function* firesIn(
  plan: Plan,
  { after, until }: { readonly after: number; readonly until: number },
): Generator<Fire> {
  for (let fire = nextFire(plan, after); fire !== null && fire.at <= until; fire = nextFire(plan, fire.at)) {
    yield fire
  }
}

/** What a schedule that is due does: the fire times of its runs, oldest first, and when it fires next. */
export interface Turn {
  readonly fires: readonly number[]
  readonly next: number | null
}

/**
 * Decides what becomes of a schedule that was to fire at `nextAt`. What is not late runs; as soon as anything is, the
 * policy of what was missed decides.
 */
export function turnOf(
  plan: Plan,
  { missed, nextAt, now }: { readonly missed: Missed; readonly nextAt: number; readonly now: number },
): Turn {
  const next = nextFire(plan, now)?.at ?? null
  const lateUntil = now - MISSED_AFTER_MS
  const isMissed = nextAt <= lateUntil
  if (missed === 'none' || !isMissed) {
    const range = { after: Math.max(nextAt - 1, lateUntil), until: now }
    return { fires: [...firesIn(plan, range)].map(({ at }) => at), next }
  }
  const most = missed === 'one' ? 1 : missed.all
  const fires: number[] = []
  for (let until = now; fires.length < most;) {
    const last = lastFire(plan, { from: nextAt, until })
    if (last === null) break
    fires.unshift(last)
    until = last - 1
  }
  return { fires, next }
}

/** The last fire from one point in time to another one, both included; found by halving, since plans only look ahead. */
function lastFire(
  plan: Plan,
  { from, until }: { readonly from: number; readonly until: number },
): number | null {
  let found = nextFire(plan, from - 1)?.at ?? null
  if (found === null || found > until) return null
  for (let high = until; found < high;) {
    const middle = Math.floor((found + high) / 2)
    const at = nextFire(plan, middle)?.at ?? null
    if (at !== null && at <= until) found = at
    else high = middle
  }
  return found
}

/**
 * How long after its fire time a run is due: drawn from the id of its task, so that whoever works it out comes to the
 * same.
 */
export function jitterOf(id: string, jitterMs: number): number {
  return Math.floor((Number.parseInt(id.slice(0, 8), 16) / 2 ** 32) * (jitterMs + 1))
}

function clockOf({ cron, zone, dst }: CronPlan): WallClock {
  return {
    cron: kept(crons, cron, (text) => new CronExpression(text)),
    zone: kept(zones, zone, zoneNamed),
    dst,
  }
}

function zoneNamed(name: string): Zone {
  try {
    return new Zone(name)
  } catch (cause) {
    throw new InvalidArgumentError(`zone is ${shown(name)}, which is no time zone.`, {
      hint: "It is a name of the IANA data, such as 'Europe/Berlin'.",
      cause,
    })
  }
}

function kept<T>(known: Map<string, T>, name: string, make: (name: string) => T): T {
  const there = known.get(name)
  if (there !== undefined) return there
  const made = make(name)
  if (known.size >= KEPT_MAX) known.clear()
  known.set(name, made)
  return made
}
