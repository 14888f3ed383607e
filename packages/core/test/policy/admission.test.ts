import { expect, test } from 'vitest'
import { slotsWithin } from '../../src/policy/admission.ts'

const memory = { memoryMb: 1_000, cpu: null }

test.each([
  ['half of them beyond the budget', 20, 1_001, 10],
  ['one at least', 1, 5_000, 1],
  ['one of three', 3, 5_000, 1],
  ['the same close to the budget', 10, 950, 10],
  ['the same at the budget', 10, 1_000, 10],
  ['a tenth more below it', 10, 800, 12],
  ['no more than there are', 19, 100, 20],
])('%s', (_, slots, memoryMb, then) => {
  expect(slotsWithin({ slots, slotsMax: 20 }, memory, { memoryMb, cpu: 99 })).toBe(then)
})

test('whichever is spent first counts', () => {
  const budget = { memoryMb: 1_000, cpu: 2 }
  const slots = (memoryMb: number, cpu: number): number =>
    slotsWithin({ slots: 8, slotsMax: 8 }, budget, { memoryMb, cpu })
  expect([slots(1_100, 0), slots(0, 2.1), slots(900, 1.9), slots(100, 0.1)]).toEqual([4, 4, 8, 8])
})
