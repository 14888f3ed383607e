import { describe, expect, test } from 'vitest'
import { decide, isSuspect, type Outcome } from '../../src/policy/outcome.ts'
import type { Counters, RetryPolicy, TaskError } from '../../src/store/records.ts'
import type { Transition } from '../../src/store/settlement.ts'

const error: TaskError = { name: 'TypeError', message: 'm', code: null, stack: null }
const fixed: RetryPolicy = { kind: 'fixed', attempts: 3, baseMs: 5_000 }
const none: Counters = {
  claims: 1,
  failures: 0,
  crashes: 0,
  isolatedCrashes: 0,
  returns: 0,
  snoozes: 0,
  parks: 0,
  generation: 0,
}

function decided(outcome: Outcome, counters: Partial<Counters> = {}, retry: RetryPolicy = fixed): Transition {
  return decide({ counters: { ...none, ...counters }, policy: { retry } }, outcome, 0.5)
}

describe('what becomes of a task', () => {
  test.each<[name: string, outcome: Outcome, transition: Transition]>([
    ['a result', { kind: 'returned', result: '1' }, { to: 'succeeded', result: '1' }],
    ['no result', { kind: 'returned', result: null }, { to: 'succeeded', result: null }],
    [
      'an invalid payload',
      { kind: 'invalid', error },
      { to: 'failed', count: 'none', reason: 'invalid', error },
    ],
    ['the deadline', { kind: 'outlived', error }, { to: 'failed', count: 'none', reason: 'timeout', error }],
    ['a cancel', { kind: 'cancelled', error }, { to: 'cancelled', error }],
    ['a cancel without an error', { kind: 'cancelled', error: null }, { to: 'cancelled', error: null }],
    [
      'a snooze',
      { kind: 'snoozed', delayMs: 7 },
      { to: 'pending', count: 'snooze', delayMs: 7, error: null },
    ],
    ['a return', { kind: 'unfinished' }, { to: 'pending', count: 'return', delayMs: null, error: null }],
    [
      'a crash',
      { kind: 'crashed', in: 'company', error },
      { to: 'pending', count: 'crash', delayMs: null, error },
    ],
  ])('after %s, however often it has failed', (_, outcome, transition) => {
    expect(decided(outcome)).toEqual(transition)
    expect(decided(outcome, { failures: 100 })).toEqual(transition)
    expect(decided(outcome, {}, { kind: 'delays', delaysMs: [] })).toEqual(transition)
  })

  test.each<[failures: number, asked: number | false | undefined, delayMs: number | null]>([
    [0, undefined, 5_000],
    [1, undefined, 5_000],
    [2, undefined, null],
    [3, undefined, null],
    [0, 0, 0],
    [0, 30_000, 30_000],
    [1, 30_000, 30_000],
    [2, 30_000, null], // a wait that is asked for burns an attempt too
    [0, false, null],
    [1, false, null],
  ])('after %d failures and one more, asking for %s', (failures, asked, delayMs) => {
    for (const reason of ['error', 'timeout'] as const) {
      expect(decided({ kind: 'failed', reason, error, delayMs: asked }, { failures })).toEqual(
        delayMs === null
          ? { to: 'failed', count: 'failure', reason, error }
          : { to: 'pending', count: 'failure', delayMs, error },
      )
    }
  })

  test.each<[retry: RetryPolicy, delayMs: number | null]>([
    [{ kind: 'delays', delaysMs: [] }, null],
    [{ kind: 'delays', delaysMs: [7] }, 7],
    [{ kind: 'exponential', attempts: 2, baseMs: 1_000, maxMs: 1_000 }, 500],
    [{ kind: 'exponential', attempts: 1, baseMs: 1_000, maxMs: 1_000 }, null],
    [{ kind: 'custom', attempts: 2 }, 500],
    [{ kind: 'custom', attempts: 1 }, null],
  ])('after a first failure under %j', (retry, delayMs) => {
    const transition = decided({ kind: 'failed', reason: 'error', error }, {}, retry)
    expect(transition).toMatchObject(delayMs === null ? { to: 'failed' } : { to: 'pending', delayMs })
  })

  test.each<[crashes: number, delayMs: number | null]>([
    [0, null],
    [1, 500],
    [2, 1_000],
    [3, 2_000],
    [50, 150_000],
  ])('after %d crashes and one more', (crashes, delayMs) => {
    expect(decided({ kind: 'crashed', in: 'company', error }, { crashes, isolatedCrashes: 2 })).toEqual({
      to: 'pending',
      count: 'crash',
      delayMs,
      error,
    })
  })

  test.each([
    [0, 'pending'],
    [1, 'pending'],
    [2, 'failed'],
    [3, 'failed'],
  ])('after %d crashes in isolation and one more', (isolatedCrashes, to) => {
    const transition = decided({ kind: 'crashed', in: 'isolation', error }, { crashes: 5, isolatedCrashes })
    const how = to === 'failed' ? { reason: 'crashed' } : {}
    expect(transition).toMatchObject({ to, count: 'isolated-crash', error, ...how })
  })

  test('a task is suspect from its second crash on', () => {
    expect([0, 1, 2, 3].map((crashes) => isSuspect({ crashes }))).toEqual([false, false, true, true])
  })

  test('crashes and snoozes take no attempt away', () => {
    const counters = { crashes: 10, snoozes: 10, returns: 10, parks: 10 }
    expect(decided({ kind: 'failed', reason: 'error', error }, counters)).toMatchObject({
      to: 'pending',
      delayMs: 5_000,
    })
  })
})
