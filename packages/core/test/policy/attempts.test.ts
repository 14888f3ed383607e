import { expect, test } from 'vitest'
import { attemptOf } from '../../src/policy/attempts.ts'
import { NO_COUNTERS } from '../../src/policy/lifecycle.ts'
import type { Counters, FailReason, TaskState } from '../../src/store/records.ts'

type Case = readonly [
  what: string,
  attempt: number,
  state: TaskState,
  counters: Partial<Counters>,
  reason?: FailReason,
]

const CASES: readonly Case[] = [
  ['new', 1, 'pending', {}],
  ['blocked', 1, 'blocked', {}],
  ['running for the first time', 1, 'running', { claims: 1 }],
  ['between the first and the second', 2, 'pending', { claims: 1, failures: 1 }],
  ['running for the second time', 2, 'running', { claims: 2, failures: 1 }],
  ['crashed once, running again', 1, 'running', { claims: 2, crashes: 1 }],
  ['succeeded at once', 1, 'succeeded', { claims: 1 }],
  ['succeeded after two failures and a return', 3, 'succeeded', { claims: 4, failures: 2, returns: 1 }],
  ['failed at once', 1, 'failed', { claims: 1, failures: 1 }, 'error'],
  ['failed with the last of three', 3, 'failed', { claims: 4, failures: 3, snoozes: 1 }, 'error'],
  ['timed out with the last of two', 2, 'failed', { claims: 2, failures: 2 }, 'timeout'],
  ['invalid at once', 1, 'failed', { claims: 1 }, 'invalid'],
  ['invalid at the second', 2, 'failed', { claims: 2, failures: 1 }, 'invalid'],
  ['ended by its deadline while it ran', 2, 'failed', { claims: 2, failures: 1 }, 'timeout'],
  ['ended by its deadline between attempts', 1, 'failed', { claims: 1, failures: 1 }, 'timeout'],
  ['ended by its deadline after a snooze', 1, 'failed', { claims: 1, snoozes: 1 }, 'timeout'],
  ['ended by its deadline before any', 0, 'failed', {}, 'timeout'],
  ['expired', 0, 'failed', {}, 'expired'],
  ['expired after a return', 0, 'failed', { claims: 2, returns: 2 }, 'expired'],
  ['given up by its parents', 0, 'failed', {}, 'dependency'],
  ['crashed for the last time', 1, 'failed', { claims: 3, crashes: 3, isolatedCrashes: 3 }, 'crashed'],
  [
    'crashed for the last time after a failure',
    2,
    'failed',
    { claims: 4, failures: 1, crashes: 3 },
    'crashed',
  ],
  ['cancelled before any', 0, 'cancelled', {}],
  ['cancelled while it ran', 1, 'cancelled', { claims: 1 }],
  ['cancelled while its second ran', 2, 'cancelled', { claims: 2, failures: 1 }],
  ['cancelled between attempts', 2, 'cancelled', { claims: 2, failures: 2 }],
  ['started over by an operator', 1, 'pending', { generation: 1 }],
]

for (const [what, attempt, state, counters, reason] of CASES) {
  test(`${what}: ${attempt}`, () => {
    const task = { state, reason: reason ?? null, counters: { ...NO_COUNTERS, ...counters } }
    expect(attemptOf(task)).toBe(attempt)
  })
}
