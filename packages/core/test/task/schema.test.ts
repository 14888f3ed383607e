import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { InvalidPayloadError } from '../../src/task/errors.ts'
import {
  isSchema,
  jsonSchemaOf,
  unchecked,
  validate,
  type Schema,
  type SchemaResult,
} from '../../src/task/schema.ts'
import { refusal } from './refusals.ts'

const WHAT = 'The input of t'

/** A schema that answers what it is told. */
function answering(
  answer: (value: unknown) => SchemaResult<unknown> | Promise<SchemaResult<unknown>>,
): Schema {
  return { '~standard': { version: 1, vendor: 'test', validate: answer } }
}

describe('validation', () => {
  test('answers at once what a synchronous schema makes of the value', () => {
    const schema = z.object({ n: z.string().transform(Number) })
    expect(validate(schema, { n: '1' }, WHAT)).toEqual({ n: 1 })
  })

  test('answers a promise where the schema is asynchronous', async () => {
    const schema = z.string().refine(async (text) => text !== 'no', 'must not be no')
    const answer = validate(schema, 'yes', WHAT)
    expect(answer).toBeInstanceOf(Promise)
    expect(await answer).toBe('yes')
    await expect(validate(schema, 'no', WHAT)).rejects.toMatchObject({
      code: 'invalid-payload',
      message: 'The input of t does not match its schema: must not be no',
      issues: [{ path: '', message: 'must not be no' }],
    })
  })

  test('takes what is only like a promise', async () => {
    // oxlint-disable-next-line unicorn/no-thenable
    const thenable = { then: (resolve: (result: SchemaResult<unknown>) => void) => resolve({ value: 1 }) }
    const answer = validate(
      answering(() => thenable as never),
      0,
      WHAT,
    )
    expect(answer).toBeInstanceOf(Promise)
    expect(await answer).toBe(1)
  })

  test('without a schema, or with an unchecked one, lets everything pass', () => {
    const value = { any: 'thing' }
    expect(validate(undefined, value, WHAT)).toBe(value)
    expect(validate(unchecked<number>(), value, WHAT)).toBe(value)
  })

  test.each<[path: readonly (PropertyKey | { key: PropertyKey })[] | undefined, shown: string]>([
    [undefined, ''],
    [[], ''],
    [['a'], 'a'],
    [['a', 'b', 0, 'c'], 'a.b[0].c'],
    [[0, 1], '[0][1]'],
    [[{ key: 'a' }, { key: 2 }], 'a[2]'],
    [[Symbol('s')], 'Symbol(s)'],
    [['__proto__'], '__proto__'],
  ])('shows the path %j as %j', (path, shown) => {
    const schema = answering(() => ({ issues: [{ message: 'is wrong', path }, { message: 'too' }] }))
    const error = refusal('invalid-payload', () => validate(schema, 0, WHAT)) as InvalidPayloadError
    expect(error.issues).toEqual([
      { path: shown, message: 'is wrong' },
      { path: '', message: 'too' },
    ])
    expect(error.message).toBe(
      `The input of t does not match its schema: ${shown === '' ? '' : `${shown}: `}is wrong`,
    )
  })

  test('refuses without issues too', () => {
    const error = refusal('invalid-payload', () =>
      validate(
        answering(() => ({ issues: [] })),
        0,
        WHAT,
      ),
    )
    expect(error.message).toBe('The input of t does not match its schema.')
  })

  test('a schema that throws says so, with the cause', async () => {
    const cause = new TypeError('broken')
    const throwing = answering(() => {
      throw cause
    })
    const expected = {
      code: 'invalid-payload',
      message: 'The input of t could not be checked, its schema threw: broken',
      cause,
    }
    expect(refusal('invalid-payload', () => validate(throwing, 0, WHAT))).toMatchObject(expected)
    await expect(
      validate(
        answering(() => Promise.reject(cause)),
        0,
        WHAT,
      ),
    ).rejects.toMatchObject(expected)
  })
})

test('a schema is known by its shape', () => {
  const onFunction = Object.assign(() => 0, unchecked())
  for (const schema of [z.string(), unchecked(), onFunction]) expect(isSchema(schema)).toBe(true)
  for (const other of [null, undefined, 'x', {}, String, { '~standard': {} }, { '~standard': null }]) {
    expect(isSchema(other)).toBe(false)
  }
})

describe('JSON Schema', () => {
  test('comes from the library, for what is passed', () => {
    const schema = z.object({ n: z.string().transform(Number) })
    expect(JSON.parse(jsonSchemaOf(schema)!)).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: { n: { type: 'string' } },
    })
  })

  test.each<[name: string, schema: Schema]>([
    ['none is given', unchecked()],
    ['the type has none', z.date()],
  ])('is null where %s', (_, schema) => {
    expect(jsonSchemaOf(schema)).toBe(null)
  })
})
