import { describe, expect, test } from 'vitest'
import * as all from '../../src/task/errors.ts'
import { NonRetryableError, RetryAfterError, SnoozeError } from '../../src/task/control-flow.ts'
import { messageOf, shown } from '../../src/task/shown.ts'
import { refusal } from './refusals.ts'

const cause = new TypeError('why')
const details = { hint: 'Do this.', cause }
const by = { id: 'id', state: 'running' }

describe('every error', () => {
  test.each<[error: all.MillraceError, code: all.ErrorCode, name: string, message: string]>([
    [new all.InvalidArgumentError('m', details), 'invalid-argument', 'InvalidArgumentError', 'm'],
    [new all.InvalidPayloadError('m', [], details), 'invalid-payload', 'InvalidPayloadError', 'm'],
    [new all.TooLargeError('m', details), 'too-large', 'TooLargeError', 'm'],
    [new all.CycleError('m', details), 'cycle', 'CycleError', 'm'],
    [new all.NotFoundError('m', details), 'not-found', 'NotFoundError', 'm'],
    [new all.BackpressureError('m', details), 'backpressure', 'BackpressureError', 'm'],
    [new all.AmbiguousError('m', details), 'ambiguous', 'AmbiguousError', 'm'],
    [new all.StoreError('store-busy', 'm', { ...details, effect: 'none' }), 'store-busy', 'StoreError', 'm'],
    [new NonRetryableError('m', details), 'non-retryable', 'NonRetryableError', 'm'],
    [new RetryAfterError('30s', 'm', details), 'retry-after', 'RetryAfterError', 'm'],
    [new SnoozeError('5m', 'm', details), 'snooze', 'SnoozeError', 'm'],
  ])('%s has its code, name, message, hint and cause', (error, code, name, message) => {
    expect(error).toMatchObject({ code, name, message, hint: 'Do this.' })
    expect(error.cause).toBe(cause)
    expect(error).toBeInstanceOf(all.MillraceError)
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).toBe(`${name}: ${message}`)
    expect(all.codeOf(error)).toBe(code)
  })

  test.each<[error: all.MillraceError, code: all.ErrorCode, message: RegExp]>([
    [new all.StalledError('Nothing moves.'), 'stalled', /^Nothing moves\.$/],
    [new all.ConflictError('id'), 'conflict', /^The task id id is taken/],
    [
      new all.UniqueKeyError('k"', by),
      'unique',
      /^The unique key "k\\"" is held by task id, which is running\.$/,
    ],
    [new all.UnknownParentError('id'), 'unknown-parent', /^`after` names the task id/],
    [new all.FencedError('id'), 'fenced', /^The lease of task id was lost/],
    [
      new all.TaskFailedError('id', { reason: 'error', message: 'oh' }),
      'task-failed',
      /^Task id failed \(error\): oh$/,
    ],
    [new all.TaskCancelledError('id', null), 'task-cancelled', /^Task id was cancelled\.$/],
    [new all.TaskCancelledError('id', 'why'), 'task-cancelled', /^Task id was cancelled: why\.$/],
    [new all.WaitTimeoutError('id', 50), 'wait-timeout', /^Task id had not ended after 50 ms; it goes on\.$/],
    [new all.ClosedError(), 'closed', /^This Millrace client is closed\.$/],
    [new RetryAfterError(0), 'retry-after', /^The handler asked/],
    [new SnoozeError(0), 'snooze', /^The handler put/],
  ])('%s says what happened', (error, code, message) => {
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect('cause' in error).toBe(false)
  })

  test('carries what a program needs to go on', () => {
    expect(new all.ConflictError('id').id).toBe('id')
    expect(new all.UniqueKeyError('k', by).by).toEqual(by)
    expect(new all.UnknownParentError('id').parent).toBe('id')
    expect(new all.TaskFailedError('id', { reason: 'timeout', message: 'm', cause })).toMatchObject({
      task: 'id',
      reason: 'timeout',
      cause,
    })
    expect(new all.StoreError('store-full', 'm', { effect: 'final' }).effect).toBe('final')
    expect(new RetryAfterError('30s').delayMs).toBe(30_000)
    expect(new SnoozeError('5m').delayMs).toBe(300_000)
  })

  test('that a user derives keeps its code and has its own name', () => {
    class CardError extends NonRetryableError {}
    expect(new CardError('declined')).toMatchObject({ code: 'non-retryable', name: 'CardError' })
  })
})

test('a delay that is none is refused where it is thrown', () => {
  for (const make of [() => new RetryAfterError('soon' as '1s'), () => new SnoozeError(-1)]) {
    expect(refusal('invalid-argument', make).message).toMatch(/^The delay of (RetryAfter|Snooze)Error is /)
  }
})

describe('the code of what was thrown', () => {
  test.each<[thrown: unknown, code: all.ErrorCode | undefined]>([
    [{ code: 'fenced' }, 'fenced'],
    [Object.assign(new Error('m'), { code: 'ENOENT' }), undefined],
    [Object.assign(new Error('m'), { code: 42 }), undefined],
    [{ code: 'toString' }, undefined],
    [new Error('fenced'), undefined],
    ['fenced', undefined],
    [null, undefined],
    [undefined, undefined],
  ])('%j has %s', (thrown, code) => {
    expect(all.codeOf(thrown)).toBe(code)
  })
})

describe('values in messages', () => {
  test.each<[value: unknown, text: string]>([
    ['a"b', '"a\\"b"'],
    ['x'.repeat(101), `"${'x'.repeat(100)}…"`],
    [1.5, '1.5'],
    [5n, '5n'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('s'), 'a symbol'],
    [() => 1, 'a function'],
    [[1], 'an array'],
    [{}, 'an object'],
  ])('%s', (value, text) => {
    expect(shown(value)).toBe(text)
  })

  test.each<[thrown: unknown, text: string]>([
    [new Error('m'), 'm'],
    [{ message: 'm' }, 'm'],
    ['m', '"m"'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{ message: 5 }, 'an object'],
  ])('of what was thrown: %s', (thrown, text) => {
    expect(messageOf(thrown)).toBe(text)
  })
})
