import { describe, expect, test } from 'vitest'
import { DEFAULT_WEIGHTS, LevelShares } from '../../src/policy/shares.ts'
import type { LevelSlots } from '../../src/store/port.ts'
import { named, refusal } from '../task/refusals.ts'

function sumOf(slots: LevelSlots): number {
  return slots.reduce((sum, share) => sum + share, 0)
}

/** The levels that are drawn, slot by slot. */
function sequence(shares: LevelShares, length: number): number[] {
  return Array.from({ length }, () => shares.draw(1).indexOf(1))
}

function countsOf(levels: readonly number[]): number[] {
  return [0, 1, 2, 3, 4].map((level) => levels.filter((drawn) => drawn === level).length)
}

describe('over any 31 draws in a row every level gets its weight', () => {
  test('slot by slot', () => {
    const levels = sequence(new LevelShares(), 31 * 4)
    for (let from = 0; from + 31 <= levels.length; from++) {
      expect(countsOf(levels.slice(from, from + 31))).toEqual(DEFAULT_WEIGHTS)
    }
  })

  test('whatever is drawn at once', () => {
    const shares = new LevelShares()
    for (const slots of [7, 24, 1, 30, 0, 31, 62, 20, 11]) shares.draw(slots)
    expect(shares.draw(31)).toEqual(DEFAULT_WEIGHTS)
    expect(shares.draw(310)).toEqual([160, 80, 40, 20, 10])
  })

  test('and draws of many slots come to the same as draws of one', () => {
    const sizes = [1, 2, 3, 10, 31, 5, 40, 100, 20, 0, 7]
    const atOnce = new LevelShares()
    const oneByOne = new LevelShares()
    for (const slots of sizes) expect([...atOnce.draw(slots)]).toEqual(countsOf(sequence(oneByOne, slots)))
  })
})

test('a draw sums up to its slots', () => {
  const shares = new LevelShares()
  for (let slots = 0; slots <= 200; slots++) expect(sumOf(shares.draw(slots))).toBe(slots)
})

test('no level waits for longer than 31 draws, and the highest is drawn at least every other time', () => {
  const levels = sequence(new LevelShares(), 31 * 10)
  const longest = [0, 1, 2, 3, 4].map((level) => {
    const places = levels.flatMap((drawn, index) => (drawn === level ? [index] : []))
    return Math.max(...places.map((place, index) => place - (places[index - 1] ?? -1)))
  })
  expect(longest[0]).toBe(2)
  expect(Math.max(...longest)).toBeLessThanOrEqual(31)
})

test('shares are smooth: no level but the highest is drawn twice in a row', () => {
  const levels = sequence(new LevelShares(), 310)
  expect(levels.some((level, index) => level > 0 && level === levels[index - 1])).toBe(false)
})

test('strict gives all to the highest level; what it cannot use goes down in the store', () => {
  const shares = new LevelShares('strict')
  expect([0, 1, 7, 100].map((slots) => shares.draw(slots))).toEqual([
    [0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0],
    [7, 0, 0, 0, 0],
    [100, 0, 0, 0, 0],
  ])
})

test('even strictly no level waits for longer than 1 000 draws', () => {
  const levels = sequence(new LevelShares('strict'), 4_000)
  for (let from = 0; from + 1_000 <= levels.length; from += 100)
    expect(countsOf(levels.slice(from, from + 1_000))).toEqual([996, 1, 1, 1, 1])
})

test('other weights hold as exactly', () => {
  const weights: LevelSlots = [1, 1, 1, 1, 1]
  expect(countsOf(sequence(new LevelShares(weights), 5))).toEqual(weights)
  expect(new LevelShares([1_000, 1, 1, 1, 1]).draw(1_004)).toEqual([1_000, 1, 1, 1, 1])
})

test.each(
  named<unknown>([
    [0, 0, 0, 0, 0],
    [16, 8, 4, 2, 0],
    [16, 8, 4, 2, -1],
    [16, 8, 4, 2, 0.5],
    [16, 8, 4, 2, Number.NaN],
    [16, 8, 4, 2, 1_001],
    [16, 8, 4, 2],
  ]),
)('the weights %s are refused', (_, weights) => {
  const error = refusal('invalid-argument', () => new LevelShares(weights as LevelSlots))
  expect(error.hint).toContain("'strict'")
})
