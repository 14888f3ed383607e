/** Compares what we answer with the oracle, over the days on which clocks are changed. */
import { nextFire, type Plan } from '../../../src/policy/schedule.ts'
import { EXPRESSIONS } from './expressions.ts'
import {
  changesOf,
  expectedIn,
  goesByElapsedTime,
  matcherOf,
  offsetMinutes,
  windowOf,
  type Choice,
  type Expectation,
  type Window,
} from './oracle.ts'

const MINUTE = 60_000
const FROM = Date.UTC(2005, 0, 1)
const TO = Date.UTC(2038, 0, 1)

/** The defaults, and each other choice once. */
export const CHOICES: readonly Choice[] = [
  { gap: 'after', overlap: 'first' },
  { gap: 'skip', overlap: 'last' },
  { gap: 'after', overlap: 'both' },
]

/** How long before and after a change is looked at, in minutes; what a change skips or repeats comes on top. */
const BEFORE = 3 * 60
const AFTER = 5 * 60

const compiled = EXPRESSIONS.map((cron) => ({
  cron,
  matches: matcherOf(cron),
  elapsed: goesByElapsedTime(cron),
}))

export interface Tally {
  comparisons: number
  fires: number
}

/** Windows that have the same offsets at the same time have the same answers: they are worked out once. */
const answers = new Map<string, readonly Expectation[]>()

export function windowAround(zone: string, change: number): Window {
  const minute = change / MINUTE
  const changed = Math.abs(offsetMinutes(zone, change) - offsetMinutes(zone, change - MINUTE))
  return windowOf(zone, { from: minute - BEFORE, to: minute + AFTER, room: changed + 60 })
}

/**
 * Compares all expressions over one change of one zone.
 *
 * @throws Error with what was expected and answered
 */
export function compare(
  {
    zone,
    window,
    choices,
  }: { readonly zone: string; readonly window: Window; readonly choices: readonly Choice[] },
  tally: Tally,
): void {
  const shape = `${window.start} ${rle(window.offsets)}`
  for (const [choice, how] of choices.entries()) {
    for (const { cron, matches, elapsed } of compiled) {
      const key = `${shape} ${CHOICES.indexOf(how)} ${cron}`
      let expected = answers.get(key)
      if (expected === undefined) {
        expected = expectedIn(window, matches, { ...how, elapsed })
        answers.set(key, expected)
      }
      const plan: Plan = { cron, zone, dst: how, fromAt: null, untilAt: null }
      const got = firesBetween(plan, window.from * MINUTE, window.to * MINUTE)
      tally.comparisons += 1
      tally.fires += got.length
      if (JSON.stringify(got) !== JSON.stringify(expected)) {
        throw new Error(`${zone}, ${cron}, choice ${choice}: expected ${shown(expected)}, got ${shown(got)}`)
      }
    }
  }
}

/** The memory of windows that will not come again. */
export function forgetAnswers(): void {
  answers.clear()
}

function firesBetween(plan: Plan, from: number, to: number): Expectation[] {
  const fires: Expectation[] = []
  for (let fire = nextFire(plan, from - 1); fire !== null && fire.at < to; fire = nextFire(plan, fire.at)) {
    fires.push({ at: fire.at, note: fire.note })
  }
  return fires
}

function rle(offsets: readonly number[]): string {
  const parts: string[] = []
  for (const [index, offset] of offsets.entries())
    if (offset !== offsets[index - 1]) parts.push(`${index}:${offset}`)
  return parts.join(' ')
}

function shown(fires: readonly Expectation[]): string {
  return (
    fires
      .map(({ at, note }) => `${new Date(at).toISOString()}${note === null ? '' : ` ${note}`}`)
      .join(', ') || 'none'
  )
}

/** All changes of a zone in the years that are proved. */
export function provedChanges(zone: string): readonly number[] {
  return changesOf(zone, FROM, TO)
}
