import { describe, expect, test } from 'vitest'
import {
  checkedThen,
  checkedUnique,
  DEFAULT_OPTIONS,
  levelOf,
  PRIORITIES,
  resolveDefinition,
  resolveOptions,
  type CustomRetry,
  type ResolvedOptions,
  type RetryOptions,
  type SharedOptions,
} from '../../src/task/options.ts'
import type { RetryPolicy } from '../../src/store/records.ts'
import { refusal } from './refusals.ts'

const EXPONENTIAL = { kind: 'exponential', attempts: 3, baseMs: 1_000, maxMs: 300_000 }

describe('precedence', () => {
  test('the defaults hold where nothing is said', () => {
    expect(resolveDefinition({}).resolved).toEqual(DEFAULT_OPTIONS)
    expect(DEFAULT_OPTIONS).toEqual({
      queue: 'default',
      level: 2,
      retry: EXPONENTIAL,
      timeoutMs: 900_000,
      startByMs: null,
      version: 1,
      deadlineMs: null,
    })
  })

  const definition: SharedOptions = {
    queue: 'media',
    priority: 'low',
    retry: { attempts: 5, backoff: 'fixed', base: '2s' },
    timeout: '30s',
    startBy: '1h',
    deadline: '1d',
  }
  const resolved: ResolvedOptions = {
    queue: 'media',
    level: 3,
    retry: { kind: 'fixed', attempts: 5, baseMs: 2_000 },
    timeoutMs: 30_000,
    startByMs: 3_600_000,
    deadlineMs: 86_400_000,
    version: 1,
  }

  test('the definition goes before the defaults', () => {
    expect(resolveDefinition(definition).resolved).toEqual(resolved)
  })

  test.each<[said: SharedOptions, changed: Partial<ResolvedOptions>]>([
    [{}, {}],
    [{ queue: undefined, priority: undefined, retry: undefined, timeout: undefined, startBy: undefined }, {}],
    [{ queue: 'other' }, { queue: 'other' }],
    [{ priority: 'critical' }, { level: 0 }],
    [{ retry: false }, { retry: { kind: 'delays', delaysMs: [] } }],
    [{ retry: {} }, { retry: EXPONENTIAL as RetryPolicy }],
    [{ timeout: false }, { timeoutMs: null }],
    [{ timeout: 1 }, { timeoutMs: 1 }],
    [
      { startBy: '1m', deadline: '2m' },
      { startByMs: 60_000, deadlineMs: 120_000 },
    ],
  ])('a call goes before the definition: %j', (said, changed) => {
    expect(resolveOptions(said, resolved)).toEqual({ ...resolved, ...changed })
  })
})

describe('retries', () => {
  test.each<[retry: RetryOptions, policy: RetryPolicy]>([
    [false, { kind: 'delays', delaysMs: [] }],
    [{}, { kind: 'exponential', attempts: 3, baseMs: 1_000, maxMs: 300_000 }],
    [{ attempts: 1 }, { kind: 'exponential', attempts: 1, baseMs: 1_000, maxMs: 300_000 }],
    [
      { attempts: 10_000, base: 0 },
      { kind: 'exponential', attempts: 10_000, baseMs: 0, maxMs: 300_000 },
    ],
    [{ base: '10m' }, { kind: 'exponential', attempts: 3, baseMs: 600_000, maxMs: 600_000 }],
    [
      { backoff: 'exponential', base: '1s', max: '1s' },
      { kind: 'exponential', attempts: 3, baseMs: 1_000, maxMs: 1_000 },
    ],
    [
      { backoff: 'fixed', base: '1s' },
      { kind: 'fixed', attempts: 3, baseMs: 1_000 },
    ],
    [
      { backoff: 'fixed', base: 0, attempts: 7 },
      { kind: 'fixed', attempts: 7, baseMs: 0 },
    ],
    [{ delays: [] }, { kind: 'delays', delaysMs: [] }],
    [{ delays: ['1s', 500, '1m'] }, { kind: 'delays', delaysMs: [1_000, 500, 60_000] }],
    [
      { attempts: undefined, base: undefined, max: undefined },
      { kind: 'exponential', attempts: 3, baseMs: 1_000, maxMs: 300_000 },
    ],
  ])('%j', (retry, policy) => {
    expect(resolveOptions({ retry }, DEFAULT_OPTIONS).retry).toEqual(policy)
    expect(resolveDefinition({ retry })).toEqual({
      resolved: { ...DEFAULT_OPTIONS, retry: policy },
      retryDelay: undefined,
    })
  })

  test('a function of a definition is kept beside its plain options', () => {
    const delay: CustomRetry['delay'] = ({ attempt }) => attempt * 1_000
    const { resolved, retryDelay } = resolveDefinition({ retry: { attempts: 7, delay }, queue: 'media' })
    expect(retryDelay).toBe(delay)
    expect(resolved).toEqual({ ...DEFAULT_OPTIONS, queue: 'media', retry: { kind: 'custom', attempts: 7 } })
    expect(resolveDefinition({ retry: { delay } }).resolved.retry).toEqual({ kind: 'custom', attempts: 3 })
  })
})

test('priorities are levels by their index', () => {
  expect(PRIORITIES.map(levelOf)).toEqual([0, 1, 2, 3, 4])
})

describe('what cannot be right is refused, with a hint', () => {
  test.each<[options: unknown, message: string, hint: string]>([
    [{ queue: '' }, 'The queue is "", which is no name.', 'A name is 1 to 128'],
    [{ queue: 'a b' }, 'The queue is "a b", which is no name.', 'A name is 1 to 128'],
    [{ queue: null }, 'The queue is null, which is no name.', 'A name is 1 to 128'],
    [{ priority: 'urgent' }, 'The priority is "urgent".', 'critical, high, normal, low, batch'],
    [{ priority: 2 }, 'The priority is 2.', 'critical, high'],
    [{ priority: 5n }, 'The priority is 5n.', 'critical, high'],
    [{ timeout: 'soon' }, 'timeout is "soon", which is no duration.', "'30s'"],
    [{ timeout: true }, 'timeout is true, which is no duration.', "'30s'"],
    [{ timeout: null }, 'timeout is null, which is no duration.', "'30s'"],
    [{ timeout: 0 }, 'timeout is 0.', 'timeout: false lifts the limit'],
    [{ timeout: '0.1ms' }, 'timeout is "0.1ms".', '1 ms at least'],
    [{ startBy: 0 }, 'startBy is 0.', 'without startBy there is no limit'],
    [{ startBy: -1 }, 'startBy is -1, which is no duration.', "'30s'"],
    [{ deadline: '0s' }, 'deadline is "0s".', 'without deadline there is no limit'],
    [{ deadline: false }, 'deadline is false, which is no duration.', "'30s'"],
    [{ retry: true }, 'retry is true.', 'retry is false, {'],
    [{ retry: 5 }, 'retry is 5.', 'retry is false, {'],
    [{ retry: null }, 'retry is null.', 'retry is false, {'],
    [{ retry: { attempts: 0 } }, 'retry.attempts is 0.', 'from 1, the first attempt counted'],
    [{ retry: { attempts: 1.5 } }, 'retry.attempts is 1.5.', 'a whole number'],
    [{ retry: { attempts: 10_001 } }, 'retry.attempts is 10001.', 'to 10000'],
    [{ retry: { attempts: '3' } }, 'retry.attempts is "3".', 'a whole number'],
    [{ retry: { attempts: Number.POSITIVE_INFINITY } }, 'retry.attempts is Infinity.', 'a whole number'],
    [{ retry: { base: 'x' } }, 'retry.base is "x", which is no duration.', "'30s'"],
    [{ retry: { max: 'x' } }, 'retry.max is "x", which is no duration.', "'30s'"],
    [
      { retry: { base: '2s', max: '1s' } },
      'retry.max is 1000 ms, which is less than retry.base, 2000 ms.',
      'from base to max',
    ],
    [{ retry: { backoff: 'linear' } }, 'retry.backoff is "linear".', 'retry is false, {'],
    [{ retry: { backoff: 'fixed' } }, 'retry.base is undefined, which is no duration.', "'30s'"],
    [
      { retry: { backoff: 'fixed', base: '1s', max: '2s' } },
      "retry has max beside backoff: 'fixed'.",
      'retry is false, {',
    ],
    [{ retry: { delays: '1s' } }, 'retry.delays is "1s".', 'one per retry'],
    [{ retry: { delays: ['1s', 'x'] } }, 'retry.delays[1] is "x", which is no duration.', "'30s'"],
    [{ retry: { delays: [, '1s'] } }, 'retry.delays[0] is undefined, which is no duration.', "'30s'"], // oxlint-disable-line no-sparse-arrays
    [
      { retry: { delays: Array.from({ length: 10_000 }, () => 0) } },
      'retry.delays is a list of 10000.',
      'at most 9999',
    ],
    [{ retry: { delays: ['1s'], attempts: 3 } }, 'retry has attempts beside delays.', 'retry is false, {'],
    [{ retry: { delays: ['1s'], base: '1s' } }, 'retry has base beside delays.', 'retry is false, {'],
  ])('%#: %o', (options, message, hint) => {
    for (const resolve of [
      () => resolveOptions(options as SharedOptions, DEFAULT_OPTIONS),
      () => resolveDefinition(options as SharedOptions),
    ]) {
      const error = refusal('invalid-argument', resolve)
      expect(error.message).toBe(message)
      expect(error.hint).toContain(hint)
    }
  })

  test.each<[retry: unknown, message: string]>([
    [{ delay: '1s' }, 'retry.delay is "1s", which is no function.'],
    [{ delay: null }, 'retry.delay is null, which is no function.'],
    [{ delay: () => '1s', base: '1s' }, 'retry has base beside delay.'],
    [{ delay: () => '1s', delays: ['1s'] }, 'retry has delays beside delay.'],
    [{ delay: () => '1s', attempts: 0 }, 'retry.attempts is 0.'],
  ])('the function of a definition, %#', (retry, message) => {
    const error = refusal('invalid-argument', () => resolveDefinition({ retry: retry as CustomRetry }))
    expect(error.message).toBe(message)
    expect(error.hint).toBeDefined()
  })

  test('a function in a call', () => {
    const retry = { delay: () => '1s' } as unknown as RetryOptions
    const error = refusal('invalid-argument', () => resolveOptions({ retry }, DEFAULT_OPTIONS))
    expect(error.message).toBe('A call has a retry function.')
    expect(error.hint).toContain('defineTask')
  })

  test.each<[unique: unknown, message: string, hint: string]>([
    [{}, 'unique.key is undefined, which is no function.', '(input) =>'],
    [null, 'unique.key is undefined, which is no function.', '(input) =>'],
    [{ key: 'k' }, 'unique.key is "k", which is no function.', '(input) =>'],
    [{ key: String, while: 'always' }, 'unique.while is "always".', "'live' or 'waiting'"],
    [{ key: String, while: 'live', within: '1h' }, 'unique has while beside within.', 'one of them'],
    [{ key: String, within: 0 }, 'unique.within is 0.', '1 ms to 30 days'],
    [{ key: String, within: '31d' }, 'unique.within is "31d".', '1 ms to 30 days'],
    [{ key: String, withn: '1h' }, 'The options of unique have no "withn".', 'Did you mean within?'],
    [{ key: String, then: 'drop' }, 'unique.then is "drop".', "'keep', 'replace' or 'reject'"],
  ])('uniqueness: %j', (unique, message, hint) => {
    const error = refusal('invalid-argument', () => checkedUnique(unique as { key: () => string }))
    expect(error.message).toBe(message)
    expect(error.hint).toContain(hint)
  })
})

test('a newcomer keeps unless something else is said', () => {
  expect([checkedThen(undefined), checkedThen('keep'), checkedThen('reject')]).toEqual([
    'keep',
    'keep',
    'reject',
  ])
  const unique = { key: String, while: 'live', then: 'reject' } as const
  expect(checkedUnique(unique)).toBe(unique)
})
