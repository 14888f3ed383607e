import { describe, expect, test } from 'vitest'
import { duration, durationMs, type Duration } from '../../src/task/duration.ts'
import { named, refusal } from './refusals.ts'

const YEARS_100_MS = 100 * 365 * 86_400_000

describe('a duration in milliseconds', () => {
  test.each<[value: Duration, ms: number]>([
    [0, 0],
    [-0, 0],
    [1, 1],
    [1_500, 1_500],
    [0.4, 0],
    [0.5, 1],
    ['0ms', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['1.5s', 1_500],
    ['0.25h', 900_000],
    ['1.0005s', 1_001],
    ['007s', 7_000],
    ['0.1ms', 0],
    [YEARS_100_MS, YEARS_100_MS],
    ['36500d', YEARS_100_MS],
    ['1.00000000000000000000000000000s', 1_000],
  ])('%j is %d ms', (value, ms) => {
    expect(durationMs(value, 'delay')).toBe(ms)
  })

  test.each(
    named<unknown>([
      '',
      ' ',
      '1',
      '1 s',
      ' 1s',
      '1s ',
      '1S',
      '1sec',
      's',
      '.5s',
      '1.s',
      '1.5.5s',
      '-1s',
      '+1s',
      '1e3s',
      '0x10s',
      '1,5s',
      '1s1m',
      '1y',
      '1mo',
      '٣s',
      '1s\n',
      'Infinitys',
      `${'9'.repeat(400)}ms`,
      `${'0'.repeat(31)}1s`,
      -1,
      -0.001,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      YEARS_100_MS + 1,
      '36501d',
      null,
      undefined,
      true,
      {},
      [],
      ['1s'],
      5n,
      Symbol('1s'),
      () => '1s',
      new Date(0),
    ]),
  )('%s is none', (_, value) => {
    const error = refusal('invalid-argument', () => durationMs(value as Duration, 'timeout'))
    expect(error.message).toMatch(/^timeout is .*, which is no duration\.$/s)
    expect(error.message.length).toBeLessThan(160)
    expect(error.hint).toContain("'30s'")
  })

  test('text that was computed goes through duration()', () => {
    expect(durationMs(duration(`${1 + 1}s`), 'delay')).toBe(2_000)
    expect(refusal('invalid-argument', () => duration('soon')).message).toBe(
      'The duration is "soon", which is no duration.',
    )
  })

  test('a hostile text is refused in no time', () => {
    const error = refusal('invalid-argument', () => duration('1'.repeat(10_000_000)))
    expect(error.message.length).toBeLessThan(160)
  })
})
