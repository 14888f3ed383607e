import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/task/definition.ts'
import { DEFAULT_OPTIONS } from '../../src/task/options.ts'
import { unchecked } from '../../src/task/schema.ts'
import { refusal } from './refusals.ts'

const input = z.object({ name: z.string() })
const output = z.string()
const ID = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'

describe('a definition', () => {
  test('is what it was given, with its options decided', () => {
    const key = (given: { name: string }): string => given.name
    const task = defineTask('greet', { input, output, queue: 'media', timeout: '1m', unique: { key } })
    expect(task).toMatchObject({
      name: 'greet',
      input,
      output,
      options: { ...DEFAULT_OPTIONS, queue: 'media', timeoutMs: 60_000 },
      unique: { key },
      retryDelay: undefined,
    })
  })

  test('has a retry function of its own', () => {
    const delay = (): '1s' => '1s'
    const task = defineTask('greet', { input, retry: { delay } })
    expect(task.retryDelay).toBe(delay)
    expect(task.options.retry).toEqual({ kind: 'custom', attempts: 3 })
    expect(task.output).toBeUndefined()
  })

  test.each<[name: string, options: unknown, message: string]>([
    ['a b', { input }, 'The task name is "a b", which is no name.'],
    ['t', undefined, 'The task t has no input schema.'],
    ['t', {}, 'The task t has no input schema.'],
    ['t', { input: {} }, 'The task t has no input schema.'],
    ['t', { input: String }, 'The task t has no input schema.'],
    ['t', { input, output: null }, 'The output of the task t is no schema.'],
    ['t', { input, output: 'text' }, 'The output of the task t is no schema.'],
    ['t', { input, queue: '' }, 'The queue is "", which is no name.'],
    ['t', { input, unique: {} }, 'unique.key is undefined, which is no function.'],
    ['t', { input, retry: 3 }, 'retry is 3.'],
  ])('that cannot be right is refused with a hint, %#', (name, options, message) => {
    const error = refusal('invalid-argument', () => defineTask(name, options as { input: typeof input }))
    expect(error.message).toBe(message)
    expect(error.hint).toBeDefined()
  })
})

test('a draft holds the task, its input and its options, and takes an id from them', () => {
  const task = defineTask('greet', { input })
  const bare = task.with({ name: 'Ada' })
  expect(bare).toMatchObject({ '~draft': true, task, input: { name: 'Ada' }, options: {}, id: undefined })
  expect(task.with({ name: 'Ada' }, { id: ID, delay: '1s' })).toMatchObject({
    id: ID,
    options: { id: ID, delay: '1s' },
  })
  expect(defineTask('tidy', { input: unchecked<undefined>() }).with().input).toBeUndefined()
})

test('a handler holds the task and the code', () => {
  const task = defineTask('greet', { input, output })
  const run = ({ name }: { name: string }): string => `Hello ${name}`
  expect(task.handler(run)).toMatchObject({ '~handler': true, task, run, options: {} })
  expect(task.handler(run, { runIn: 'inline' }).options).toEqual({ runIn: 'inline' })
})
