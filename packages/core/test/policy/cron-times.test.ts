/** Cron over the days on which the clock is changed: a sample of the proof (`schedules/prove.ts`), and known days. */
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/simulation/random.ts'
import { nextFire, type Plan } from '../../src/policy/schedule.ts'
import { CHOICES, compare, provedChanges, windowAround, type Tally } from './schedules/proof.ts'

function plan(cron: string, zone: string, dst: Partial<Extract<Plan, { cron: string }>['dst']> = {}): Plan {
  return { cron, zone, dst: { gap: 'after', overlap: 'first', ...dst }, fromAt: null, untilAt: null }
}

function fires(of: Plan, from: string, count: number): readonly string[] {
  const found: string[] = []
  let fire = nextFire(of, Date.parse(from))
  for (; fire !== null && found.length < count; fire = nextFire(of, fire.at)) {
    found.push(`${new Date(fire.at).toISOString().slice(0, 16)}${fire.note === null ? '' : ` ${fire.note}`}`)
  }
  return found
}

describe('cron where the clock is changed', () => {
  test('equals the minute oracle on drawn zones and changes', () => {
    const seed = 20_261_122
    const random = seededRandom(seed)
    const zones = Intl.supportedValuesOf('timeZone')
    const tally: Tally = { comparisons: 0, fires: 0 }
    // those with changes that are no whole hours, or a whole day, or very often
    const odd = [
      'Australia/Lord_Howe',
      'Pacific/Apia',
      'Africa/Casablanca',
      'Antarctica/Troll',
      'America/New_York',
    ]
    const drawn = Array.from({ length: 12 }, () => zones[random.between(0, zones.length - 1)]!)
    for (const zone of [...odd, ...drawn]) {
      const changes = provedChanges(zone)
      for (let i = 0; i < 3 && changes.length > 0; i++) {
        const change = changes[random.between(0, changes.length - 1)]!
        const choice = CHOICES[random.between(0, CHOICES.length - 1)]!
        compare({ zone, window: windowAround(zone, change), choices: [choice] }, tally)
      }
    }
    expect(tally.comparisons, `seed ${seed}`).toBeGreaterThan(1_000)
  })

  test('a fixed hour that is left out fires once, right after the gap', () => {
    const from = '2026-03-28T12:00:00Z'
    expect(fires(plan('30 2 * * *', 'Europe/Berlin'), from, 3)).toEqual([
      '2026-03-29T01:00 gap',
      '2026-03-30T00:30',
      '2026-03-31T00:30',
    ])
    expect(fires(plan('0,15,30 2 * * *', 'Europe/Berlin'), from, 2)).toEqual([
      '2026-03-29T01:00 gap',
      '2026-03-30T00:00',
    ])
    expect(fires(plan('30 2 * * *', 'Europe/Berlin', { gap: 'skip' }), from, 1)).toEqual(['2026-03-30T00:30'])
  })

  test('a fixed hour that comes twice fires once, or as was chosen', () => {
    const from = '2026-10-24T12:00:00Z'
    expect(fires(plan('30 2 * * *', 'Europe/Berlin'), from, 2)).toEqual([
      '2026-10-25T00:30 overlap',
      '2026-10-26T01:30',
    ])
    expect(fires(plan('30 2 * * *', 'Europe/Berlin', { overlap: 'last' }), from, 2)).toEqual([
      '2026-10-25T01:30 overlap',
      '2026-10-26T01:30',
    ])
    expect(fires(plan('0,30 2 * * *', 'Europe/Berlin', { overlap: 'both' }), from, 4)).toEqual([
      '2026-10-25T00:00 overlap',
      '2026-10-25T00:30 overlap',
      '2026-10-25T01:00 overlap',
      '2026-10-25T01:30 overlap',
    ])
  })

  test('what names all hours goes by elapsed time', () => {
    expect(fires(plan('0 * * * *', 'Europe/Berlin'), '2026-03-28T23:30:00Z', 3)).toEqual([
      '2026-03-29T00:00',
      '2026-03-29T01:00',
      '2026-03-29T02:00',
    ])
    expect(fires(plan('@hourly', 'Europe/Berlin', { overlap: 'first' }), '2026-10-24T23:30:00Z', 3)).toEqual([
      '2026-10-25T00:00 overlap',
      '2026-10-25T01:00 overlap',
      '2026-10-25T02:00',
    ])
  })

  test('a day that was left out is one gap', () => {
    // Samoa went from the 29th to the 31st
    expect(fires(plan('0 9,17 * * *', 'Pacific/Apia'), '2011-12-30T04:00:00Z', 3)).toEqual([
      '2011-12-30T10:00 gap',
      '2011-12-30T19:00',
      '2011-12-31T03:00',
    ])
  })

  test('seconds come in front', () => {
    const of = plan('*/20 30 2 * * *', 'UTC')
    const first = nextFire(of, Date.UTC(2026, 0, 1))
    expect(first?.at).toBe(Date.UTC(2026, 0, 1, 2, 30, 0))
    expect(nextFire(of, first!.at)?.at).toBe(Date.UTC(2026, 0, 1, 2, 30, 20))
  })

  test.each(['0 0 30 2 *', '0 0 31 4,6,9,11 *', '0 0 30 2 +MON', '*/5 0 31 2 +5'])(
    '%s never fires, which is found out soon',
    (cron) => {
      const begun = performance.now()
      const answer = nextFire(plan(cron, 'Europe/Berlin'), Date.UTC(2026, 0, 1))
      expect(performance.now() - begun).toBeLessThan(1_000)
      expect(answer).toBe(null)
    },
  )

  test('a date that is rare is found', () => {
    expect(fires(plan('0 0 29 2 +1', 'America/New_York'), '2026-01-01T00:00:00Z', 1)).toEqual([
      '2044-02-29T05:00',
    ])
  })

  test.each([
    '',
    '* * * *',
    '* * * * * * *',
    '60 * * * *',
    '2030-01-01T00:00:00',
    '@never',
    'every day',
    '* 25 * * *',
    'constructor',
    '__proto__',
  ])('%j is no expression', (cron) => {
    expect(() => nextFire(plan(cron, 'UTC'), 0)).toThrow(/which is no cron expression/)
  })

  test('a zone must be one', () => {
    expect(() => nextFire(plan('0 0 * * *', 'Europe/Nowhere'), 0)).toThrow(/which is no time zone/)
  })
})
