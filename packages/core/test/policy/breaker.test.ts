import { expect, test } from 'vitest'
import { breakerState, EMPTY_WINDOW, isTripped, seen, type BreakerPolicy } from '../../src/policy/breaker.ts'
import { seededRandom } from '../../src/simulation/random.ts'

const policy: BreakerPolicy = { share: 0.5, of: 4, withinMs: 1_000, openMs: 30_000, probes: 2 }

function windowOf(...outcomes: readonly (readonly [atMs: number, failed: boolean])[]): typeof EMPTY_WINDOW {
  return outcomes.reduce((window, [atMs, failed]) => seen(window, { atMs, failed }, policy), EMPTY_WINDOW)
}

test.each<[string, readonly (readonly [number, boolean])[], boolean]>([
  ['nothing happened', [], false],
  [
    'too little happened',
    [
      [0, true],
      [1, true],
      [2, true],
    ],
    false,
  ],
  [
    'half of it failed',
    [
      [0, true],
      [1, false],
      [2, true],
      [3, false],
    ],
    true,
  ],
  [
    'less than half of it failed',
    [
      [0, true],
      [1, false],
      [2, true],
      [3, false],
      [4, false],
    ],
    false,
  ],
  [
    'all of it failed',
    [
      [0, true],
      [1, true],
      [2, true],
      [3, true],
    ],
    true,
  ],
  [
    'what failed is long ago',
    [
      [0, true],
      [1, true],
      [2, true],
      [1_002, true],
    ],
    false,
  ],
  [
    'what succeeded is long ago',
    [
      [0, false],
      [1, false],
      [999, true],
      [1_000, true],
      [1_001, true],
      [1_002, true],
    ],
    true,
  ],
])('%s: tripped %s', (_, outcomes, tripped) => {
  expect(isTripped(windowOf(...outcomes), policy)).toBe(tripped)
})

test('a window is bounded, and says what a recount of all outcomes says', () => {
  const random = seededRandom(3)
  const all: { atMs: number; failed: boolean }[] = []
  let window = EMPTY_WINDOW
  let atMs = 0
  for (let n = 0; n < 3_000; n++) {
    atMs += random.between(0, 30)
    const outcome = { atMs, failed: random.chance(0.5) }
    all.push(outcome)
    window = seen(window, outcome, policy)
    const recent = all.filter((one) => one.atMs > atMs - policy.withinMs)
    const failed = recent.filter((one) => one.failed).length
    expect(isTripped(window, policy)).toBe(recent.length >= 4 && failed / recent.length >= 0.5)
  }
  for (let n = 0; n < 5_000; n++) window = seen(window, { atMs, failed: true }, policy)
  expect(window.outcomes.length).toBeLessThanOrEqual(1_000)
})

test('the state of a breaker is that of its limit', () => {
  const closed = { concurrency: null, rate: null }
  const probing = { concurrency: 2, rate: null }
  expect(breakerState(undefined, 5)).toBe('closed')
  expect(breakerState({ allowance: closed, shutUntil: 0 }, 5)).toBe('closed')
  expect(breakerState({ allowance: probing, shutUntil: 6 }, 5)).toBe('open')
  expect(breakerState({ allowance: probing, shutUntil: 5 }, 5)).toBe('half-open')
})
