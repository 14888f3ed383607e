/** Inputs against the schemas that workers have published. */
import { Validator, type Schema } from '@cfworker/json-schema'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '@millrace/core/simulation'
import { checkFit } from '../src/published/index.ts'
import { loosened } from '../src/published/loosened-schema.ts'

const person = {
  type: 'object',
  properties: {
    name: { type: 'string', pattern: '^(a+)+$' },
    size: { enum: ['small', 'large'] },
    list: { type: 'array', items: { $ref: '#/$defs/named' } },
    n: { type: 'integer', minimum: 3 },
    at: { type: 'string', format: 'date-time' },
  },
  required: ['name'],
  additionalProperties: false,
  $defs: { named: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
}

async function told(input: unknown, schema: unknown = person): Promise<string> {
  const warned: string[] = []
  try {
    await checkFit(input, { type: 't', schema: JSON.stringify(schema) }, (warning) => warned.push(warning))
    return warned[0] ?? 'fine'
  } catch (error) {
    return (error as Error).message.replace('The input of t does not match its schema: ', '')
  }
}

test.each([
  [{ name: 'a' }, 'fine'],
  [{ name: 'b', at: 'tomorrow' }, 'fine'],
  [{ name: 5 }, 'name must be string.'],
  [undefined, 'it must be object.'],
  [{}, 'it must have the property "name".'],
  [{ name: 'a', size: 'huge' }, 'size must be one of "small", "large".'],
  [{ name: 'a', list: [{ name: 'a' }, { name: null }] }, 'list[1].name must be string.'],
  [{ name: 'a', 'x y': 1 }, 'x y must not be there.'],
  [{ name: 'a', n: 1 }, 'n is not as it must be: 1 is less than 3.'],
])('of %j it is said: %s', async (input, expected) => expect(await told(input)).toBe(expected))

test('a pattern that takes for ever, and code in a name, do nothing here', async () => {
  const began = performance.now()
  expect(await told({ name: `${'a'.repeat(60)}!` })).toBe('fine')
  expect(performance.now() - began).toBeLessThan(1_000)
  const code = '"]; globalThis.harmed = true; ["'
  expect(await told({ [code]: 1 }, { properties: { [code]: { type: 'string' } }, required: [code] })).toMatch(
    /must be string/,
  )
  expect('harmed' in globalThis).toBe(false)
})

/** Parts that each name the next one twice. */
function doubling(last: unknown): Record<string, unknown> {
  const parts = Array.from({ length: 40 }, (_, n) => {
    const next = { $ref: `#/$defs/d${n + 1}` }
    return [`d${n}`, { allOf: [next, next] }]
  })
  return { $ref: '#/$defs/d0', $defs: { ...Object.fromEntries(parts), d40: last } }
}

/** Parts with an id, each in another. */
function named(depth: number): object {
  return depth === 0 ? {} : { $id: `x${depth}`, properties: { a: named(depth - 1) } }
}

const many = Array.from({ length: 200_000 }, (_, n) => n)

test.each([
  ['references that double', 'a', doubling({ type: 'string' }), /more than 100 ms/],
  [
    'references that double, each with a whole text to read',
    'a'.repeat(1e6),
    doubling({ minLength: 2 }),
    /100 ms/,
  ],
  ['errors without end', 1, doubling({ required: many.map(String) }), /too long/],
  ['elements to be compared each with each', many, { uniqueItems: true }, /^fine$/],
  [
    'a pattern behind a keyword that nobody knows',
    `${'a'.repeat(40)}!`,
    { $ref: '#/x', x: { pattern: '^(a+)+$' } },
    /not checked/,
  ],
  [
    'a pattern of an older draft',
    { a: `${'a'.repeat(40)}!` },
    { dependencies: { a: { properties: { a: { pattern: '^(a+)+$' } } } } },
    /^fine$/,
  ],
  ['ids in ids', {}, named(40), /^fine$/],
])('%s hold nobody up', async (_, input, schema, expected) => {
  const began = performance.now()
  expect(await told(input, schema)).toMatch(expected)
  expect(performance.now() - began).toBeLessThan(2_000)
})

test.each([
  ['asynchronous', { $async: true }],
  ['nested deeper', JSON.parse(`${'{"not":'.repeat(80)}true${'}'.repeat(80)}`) as object],
  ['no schema', { properties: { a: 1 } }],
  ['no type "strange"', { type: 'strange' }],
])('one that cannot be used (%s) is no reason to refuse', async (why, schema) => {
  expect(await told({ a: 1 }, schema)).toMatch(new RegExp(`^The input is not checked: .*${why}`))
})

describe('what is left out of a schema', () => {
  test.each([
    [{ pattern: 'a', minLength: 1 }, { minLength: 1 }],
    [{ properties: { pattern: { type: 'string' } } }, { properties: { pattern: { type: 'string' } } }],
    [{ patternProperties: { a: {} }, additionalProperties: false, type: 'object' }, { type: 'object' }],
    [{ not: { pattern: 'a' }, type: 'string' }, { type: 'string' }],
    [{ not: { type: 'string' } }, { not: { type: 'string' } }],
    [{ if: { pattern: 'a' }, then: { minLength: 3 }, else: false }, {}],
    [
      { if: true, then: { minLength: 3 } },
      { if: true, then: { minLength: 3 } },
    ],
    [{ contains: { format: 'email' }, minContains: 2, minItems: 1 }, { minItems: 1 }],
    [{ oneOf: [{ format: 'a' }, {}] }, {}],
    [{ anyOf: [{ format: 'a' }, true] }, { anyOf: [{}, true] }],
    [{ not: { $ref: '#/$defs/a' }, $defs: { a: { pattern: 'a' } } }, { $defs: { a: {} } }],
  ])('of %j: %j stays', (schema, rest) => expect(loosened(schema)).toEqual(rest))

  test('what the whole would take is never refused', () => {
    const random = seededRandom(9)
    const pick = <T>(among: readonly T[]): T => among[random.between(0, among.length - 1)]!
    const schemaOf = (depth: number): unknown => {
      const inner = (): unknown =>
        depth > 0 ? pick([true, { type: 'string' }, { pattern: 'a' }]) : schemaOf(depth + 1)
      const keywords: Record<string, unknown> = {
        type: pick(['string', 'object', 'array', 'number']),
        pattern: 'a',
        format: 'email',
        minLength: 1,
        properties: { a: inner(), b: inner() },
        patternProperties: { '^a': inner() },
        additionalProperties: inner(),
        items: inner(),
        contains: inner(),
        not: inner(),
        anyOf: [inner(), inner()],
        oneOf: [inner(), inner()],
        if: inner(),
        then: inner(),
        else: inner(),
      }
      const names = Object.keys(keywords).filter(() => random.between(0, 3) === 0)
      return Object.fromEntries(names.map((name) => [name, keywords[name]]))
    }
    const inputs = [
      '',
      'a',
      'b',
      'a@b.de',
      1,
      null,
      [],
      ['a', 'b'],
      {},
      { a: 'a' },
      { b: 1, ab: 'x' },
      { a: ['a'] },
    ]
    let taken = 0
    for (let n = 0; n < 1_000; n += 1) {
      const schema = schemaOf(0)
      const [whole, rest] = [schema, loosened(schema)].map((one) => new Validator(one as Schema, '2020-12'))
      for (const input of inputs) {
        if (!whole!.validate(input).valid) continue
        taken += 1
        expect([schema, input, rest!.validate(input).valid]).toEqual([schema, input, true])
      }
    }
    expect(taken).toBeGreaterThan(1_000)
  })
})
