import { describe, expect, test } from 'vitest'
import { attemptsOf, crashDelayMs, retryDelayMs } from '../../src/policy/retry.ts'
import type { RetryPolicy } from '../../src/store/records.ts'

const ALMOST_ONE = 1 - 2 ** -32
const exponential: RetryPolicy = { kind: 'exponential', attempts: 10, baseMs: 1_000, maxMs: 300_000 }
const custom: RetryPolicy = { kind: 'custom', attempts: 3 }

describe('the wait after a failure', () => {
  test.each<[policy: RetryPolicy, waits: (number | null)[]]>([
    [{ kind: 'delays', delaysMs: [] }, [null, null]],
    [{ kind: 'delays', delaysMs: [5, 0, 7] }, [5, 0, 7, null, null]],
    [{ kind: 'fixed', attempts: 1, baseMs: 5 }, [null, null]],
    [{ kind: 'fixed', attempts: 3, baseMs: 5 }, [5, 5, null, null]],
    [{ kind: 'fixed', attempts: 3, baseMs: 0 }, [0, 0, null]],
  ])('%j', (policy, waits) => {
    for (const chance of [0, 0.5, ALMOST_ONE]) {
      expect(waits.map((_, index) => retryDelayMs(policy, index + 1, chance))).toEqual(waits)
    }
    expect(attemptsOf(policy)).toBe(waits.indexOf(null) + 1)
  })

  test('grows to the cap, and no attempt is left after the last', () => {
    const longest = Array.from({ length: 11 }, (_, index) => retryDelayMs(exponential, index + 1, ALMOST_ONE))
    expect(longest).toEqual([
      1_000,
      2_000,
      4_000,
      8_000,
      16_000,
      32_000,
      64_000,
      128_000,
      256_000,
      null,
      null,
    ])
    expect(retryDelayMs({ ...exponential, attempts: 100 }, 10, ALMOST_ONE)).toBe(300_000)
    expect(attemptsOf(exponential)).toBe(10)
  })

  test('is 0 at the least', () => {
    for (let failures = 1; failures < 10; failures++) expect(retryDelayMs(exponential, failures, 0)).toBe(0)
  })

  test.each<[failures: number, capMs: number]>([
    [1, 1_000],
    [4, 8_000],
    [9, 256_000],
  ])('after %d failures it is anything from 0 to %d ms, on average the half', (failures, capMs) => {
    const rounds = 10_000
    let sum = 0
    let outside = 0
    for (let round = 0; round < rounds; round++) {
      const delayMs = retryDelayMs(exponential, failures, round / rounds)!
      sum += delayMs
      if (!Number.isInteger(delayMs) || delayMs < 0 || delayMs > capMs) outside += 1
    }
    expect(outside).toBe(0)
    expect(sum / rounds / capMs).toBeCloseTo(0.5, 2)
  })

  test.each<[baseMs: number, maxMs: number, longest: number]>([
    [1_000, 300_000, 300_000],
    [0, 300_000, 0],
    [1, 100 * 365 * 86_400_000, 2 ** 50],
    [0, 0, 0],
  ])('stays a number after thousands of failures: base %d ms', (baseMs, maxMs, longest) => {
    const policy: RetryPolicy = { kind: 'exponential', attempts: 10_000, baseMs, maxMs }
    for (const failures of [100, 1_025, 9_999]) {
      const delayMs = retryDelayMs(policy, failures, ALMOST_ONE)!
      expect(delayMs).toBeLessThanOrEqual(Math.min(maxMs, longest))
      expect(delayMs).toBeGreaterThanOrEqual(Math.floor(Math.min(maxMs, longest) * ALMOST_ONE))
    }
  })

  test('of a custom retry that cannot be asked is the default one, within its attempts', () => {
    expect([1, 2, 3].map((failures) => retryDelayMs(custom, failures, ALMOST_ONE))).toEqual([
      1_000,
      2_000,
      null,
    ])
    expect(attemptsOf(custom)).toBe(3)
  })
})

describe('the wait after a crash', () => {
  test('is none after the first, then grows to five minutes', () => {
    const longest = Array.from({ length: 12 }, (_, index) => crashDelayMs(index + 1, ALMOST_ONE))
    expect(longest.slice(0, 5)).toEqual([null, 1_000, 2_000, 4_000, 8_000])
    expect(longest.at(-1)).toBe(300_000)
    expect(crashDelayMs(100_000, ALMOST_ONE)).toBe(300_000)
    expect(crashDelayMs(5, 0)).toBe(0)
  })
})
