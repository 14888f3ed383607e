/** What fits into a budget. */
import { describe, expect, test } from 'vitest'
import { excessOf, windowOf } from '../../src/policy/budgets.ts'
import type { Budget, ScopeUsage } from '../../src/store/budgets.ts'

const QUOTA = { tasks: null, handlerMs: null, perMs: 60_000 } as const
const NOW = 1_000_000

function usage(changes: Partial<ScopeUsage>): ScopeUsage {
  return { tasks: 0, bytes: 0, spent: { tasks: 0, handlerMs: 0 }, ...changes }
}

test.each([
  ['an empty budget', {}, { tasks: 1e9, bytes: 1e12, spent: { tasks: 1e9, handlerMs: 1e12 } }, null],
  ['room for exactly that', { tasks: 5, bytes: 50 }, { tasks: 3, bytes: 30 }, null],
  ['one task too many', { tasks: 5 }, { tasks: 4 }, 'tasks'],
  ['one byte too many', { bytes: 50 }, { bytes: 31 }, 'bytes'],
  ['more than there may ever be', { tasks: 1 }, {}, 'tasks'],
  ['a budget that was lowered', { tasks: 1 }, { tasks: 9 }, 'tasks'],
  [
    'the last tasks of a period',
    { quota: { ...QUOTA, tasks: 5 } },
    { spent: { tasks: 3, handlerMs: 0 } },
    null,
  ],
  [
    'one too many in a period',
    { quota: { ...QUOTA, tasks: 5 } },
    { spent: { tasks: 4, handlerMs: 0 } },
    'tasks per period',
  ],
  [
    'time that is left',
    { quota: { ...QUOTA, handlerMs: 10 } },
    { spent: { tasks: 0, handlerMs: 9.9 } },
    null,
  ],
  [
    'time that is used up',
    { quota: { ...QUOTA, handlerMs: 10 } },
    { spent: { tasks: 0, handlerMs: 10 } },
    'handler time per period',
  ],
] as const)('%s', (_, budget, there, of) => {
  const whole: Budget = { tasks: null, bytes: null, quota: null, ...budget }
  const excess = excessOf(whole, usage(there), { load: { tasks: 2, bytes: 20 }, now: NOW })
  expect(excess?.of ?? null).toBe(of)
  const untilNext = of?.endsWith('per period') === true
  expect(excess?.againAt ?? null).toBe(untilNext ? 1_020_000 : null)
})

describe('windows', () => {
  test('follow each other without gaps, whatever the time', () => {
    for (const now of [0, 1, 59_999, 60_000, 1_763_819_111_222.5]) {
      const { from, until } = windowOf(QUOTA, now)
      expect([from % 60_000, until - from]).toEqual([0, 60_000])
      expect(from <= now && now < until).toBe(true)
    }
  })
})
