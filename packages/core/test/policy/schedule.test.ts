/** What becomes of a schedule that is due, and when it fires next. */
import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import {
  firesIn,
  jitterOf,
  MISSED_AFTER_MS,
  nextFire,
  turnOf,
  type Missed,
  type Plan,
} from '../../src/policy/schedule.ts'
import { taskId } from '../../src/index.ts'

const MINUTE = 60_000
const NOON = Date.UTC(2026, 5, 1, 12)
const everyMinute: Plan = { everyMs: MINUTE, fromAt: null, untilAt: null }
const daily: Plan = {
  cron: '0 9 * * *',
  zone: 'Europe/Berlin',
  dst: { gap: 'after', overlap: 'first' },
  fromAt: null,
  untilAt: null,
}

function turn(plan: Plan, missed: Missed, nextAt: number, now: number): ReturnType<typeof turnOf> {
  return turnOf(plan, { missed, nextAt, now })
}

describe('the next fire', () => {
  test('of an interval is counted from its beginning, else from 1970', () => {
    const plan: Plan = { everyMs: 7_000, fromAt: null, untilAt: null }
    expect(nextFire(plan, 0)?.at).toBe(7_000)
    expect(nextFire(plan, 6_999)?.at).toBe(7_000)
    const from: Plan = { ...plan, fromAt: 1_000 }
    expect(nextFire(from, -1)?.at).toBe(1_000)
    expect(nextFire(from, 1_000)?.at).toBe(8_000)
  })

  test('is within both bounds, themselves included', () => {
    const plan = { ...everyMinute, fromAt: NOON, untilAt: NOON + 2 * MINUTE }
    expect([...firesIn(plan, { after: 0, until: NOON + 10 * MINUTE })].map(({ at }) => at)).toEqual([
      NOON,
      NOON + MINUTE,
      NOON + 2 * MINUTE,
    ])
    const cron = { ...daily, fromAt: Date.UTC(2026, 5, 1, 7), untilAt: Date.UTC(2026, 5, 2, 7) }
    expect([...firesIn(cron, { after: 0, until: NOON * 2 })].length).toBe(2)
    expect(nextFire({ ...daily, untilAt: 5 }, NOON)).toBe(null)
  })
})

describe('the turn of a schedule', () => {
  test('what is not late runs, each time', () => {
    const every10s: Plan = { everyMs: 10_000, fromAt: null, untilAt: null }
    expect(turn(every10s, 'one', NOON, NOON)).toEqual({ fires: [NOON], next: NOON + 10_000 })
    expect(turn(every10s, 'one', NOON, NOON + 25_000)).toEqual({
      fires: [NOON, NOON + 10_000, NOON + 20_000],
      next: NOON + 30_000,
    })
  })

  test.each<[Missed, readonly number[]]>([
    ['one', [120]],
    ['none', [120]],
    [{ all: 1 }, [120]],
    [{ all: 3 }, [118, 119, 120]],
    [{ all: 1_000 }, Array.from({ length: 121 }, (_, minute) => minute)],
  ])('what was missed, and is %j, for two hours', (missed, minutes) => {
    const { fires, next } = turn(everyMinute, missed, NOON, NOON + 120 * MINUTE + 30_000)
    expect(fires.map((at) => (at - NOON) / MINUTE)).toEqual(minutes)
    expect(next).toBe(NOON + 121 * MINUTE)
  })

  test('what is late by a minute is missed', () => {
    const at = Date.UTC(2026, 5, 1, 7)
    expect(turn(daily, 'none', at, at + MISSED_AFTER_MS - 1).fires).toEqual([at])
    expect(turn(daily, 'none', at, at + MISSED_AFTER_MS).fires).toEqual([])
    expect(turn(daily, 'one', at, at + MISSED_AFTER_MS).fires).toEqual([at])
  })

  test('years of seconds are made up in no time', () => {
    const seconds: Plan = { ...daily, cron: '* * * * * *' }
    const begun = performance.now()
    const { fires } = turn(seconds, { all: 10 }, Date.UTC(2020, 0, 1), NOON)
    expect(performance.now() - begun).toBeLessThan(1_000)
    expect(fires).toEqual(Array.from({ length: 10 }, (_, index) => NOON - 9_000 + 1_000 * index))
  })

  test('one that is over has no next fire', () => {
    expect(turn({ ...everyMinute, untilAt: NOON }, 'one', NOON, NOON + 1)).toEqual({
      fires: [NOON],
      next: null,
    })
  })

  test('what is made up are the latest fires, whatever the plan and the time', () => {
    const plans: readonly Plan[] = [
      everyMinute,
      daily,
      { ...daily, cron: '30 1,2,3 * * *' },
      { ...daily, cron: '*/7 * * * *' },
      { ...daily, cron: '0 0 1 * *' },
    ]
    const moment = fc.integer({ min: Date.UTC(2026, 2, 20), max: Date.UTC(2026, 3, 10) })
    fc.assert(
      fc.property(
        fc.constantFrom(...plans),
        moment,
        fc.nat(5 * 86_400_000),
        fc.integer({ min: 1, max: 5 }),
        (plan, from, ms, all) => {
          const nextAt = nextFire(plan, from)!.at
          const now = nextAt + MISSED_AFTER_MS + ms
          const expected = [...firesIn(plan, { after: nextAt - 1, until: now })]
            .map(({ at }) => at)
            .slice(-all)
          expect(turn(plan, { all }, nextAt, now).fires).toEqual(expected)
        },
      ),
      { numRuns: 60, seed: 1 },
    )
  })
})

test('jitter is drawn from the id, evenly and within its bound', () => {
  const draws = Array.from({ length: 2_000 }, (_, n) => jitterOf(taskId('x', String(n)), 999))
  expect(Math.min(...draws)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...draws)).toBeLessThanOrEqual(999)
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length
  expect(Math.abs(mean - 499.5)).toBeLessThan(30)
  expect(jitterOf(taskId('x', '1'), 0)).toBe(0)
})
