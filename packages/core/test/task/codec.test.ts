import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { decode, encode, payloadSize } from '../../src/task/codec.ts'
import type { InvalidPayloadError } from '../../src/task/errors.ts'
import { refusal } from './refusals.ts'

const WHAT = 'The input of t'

function roundTrip(value: unknown): unknown {
  return decode(encode(value, WHAT))
}

/** Arrays inside each other. */
function nested(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

describe('a value comes back as it was', () => {
  test.each<[name: string, value: unknown, payload: string]>([
    ['undefined', undefined, ''],
    ['null', null, 'null'],
    ['an empty text', '', '""'],
    ['a text', 'Hällo 字 🧾', '"Hällo 字 🧾"'],
    ['NUL', 'a\0b', String.raw`"a\u0000b"`],
    ['a lone high surrogate', '\ud800', String.raw`"\ud800"`],
    ['a lone low surrogate, in a key too', { '\udc00': '\udfff' }, String.raw`{"\udc00":"\udfff"}`],
    ['line separators', '\u2028\u2029', '"\u2028\u2029"'],
    ['false', false, 'false'],
    ['zero', 0, '0'],
    ['the largest number', Number.MAX_VALUE, '1.7976931348623157e+308'],
    ['the smallest number', Number.MIN_VALUE, '5e-324'],
    ['an integer', Number.MAX_SAFE_INTEGER, '9007199254740991'],
    ['an empty array', [], '[]'],
    ['an empty object', {}, '{}'],
    ['an array', [1, 'a', null, [true]], '[1,"a",null,[true]]'],
    ['an object', { a: { b: [{ c: 1 }] }, '': 0, 1: 'x' }, '{"1":"x","a":{"b":[{"c":1}]},"":0}'],
    ['one object in two places', [{ a: 1 }, { a: 1 }], '[{"a":1},{"a":1}]'],
    [
      'names of prototypes',
      { constructor: 1, toString: 'x', hasOwnProperty: null },
      '{"constructor":1,"toString":"x","hasOwnProperty":null}',
    ],
    ['64 levels', nested(64), JSON.stringify(nested(64))],
  ])('%s', (_, value, payload) => {
    expect(encode(value, WHAT)).toBe(payload)
    expect(roundTrip(value)).toEqual(value)
    expect(payload.isWellFormed()).toBe(true)
  })

  test('the same object twice is no circle', () => {
    const shared = { a: 1 }
    expect(encode({ x: shared, y: [shared, shared] }, WHAT)).toBe('{"x":{"a":1},"y":[{"a":1},{"a":1}]}')
  })

  test('members that are undefined are left out, and -0 is 0', () => {
    expect(encode({ a: undefined, b: 1 }, WHAT)).toBe('{"b":1}')
    expect(roundTrip([-0])).toEqual([0])
  })

  test('an object without a prototype, and one of another realm', () => {
    expect(encode(Object.assign(Object.create(null), { a: 1 }), WHAT)).toBe('{"a":1}')
    expect(encode(runInNewContext('({ a: [1, { b: null }] })'), WHAT)).toBe('{"a":[1,{"b":null}]}')
  })

  test('__proto__ is a key like any other and touches no prototype', () => {
    const value: unknown = JSON.parse(
      '{"__proto__":{"polluted":true},"a":{"constructor":{"prototype":{"polluted":true}}}}',
    )
    const payload = encode(value, WHAT)
    expect(payload).toBe(
      '{"__proto__":{"polluted":true},"a":{"constructor":{"prototype":{"polluted":true}}}}',
    )
    const back = decode(payload) as object
    expect(Object.keys(back)).toEqual(['__proto__', 'a'])
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    expect('polluted' in {}).toBe(false)
  })

  test('members that somebody gave to all objects do not count', () => {
    const all = Object.prototype as { helper?: unknown }
    // oxlint-disable-next-line no-extend-native
    all.helper = () => 1
    try {
      expect(encode({ a: [{ b: 1 }] }, WHAT)).toBe('{"a":[{"b":1}]}')
      expect(refusal('invalid-payload', () => encode({ a: [Number.NaN] }, WHAT)).message).toContain(
        'a[0] is NaN',
      )
    } finally {
      delete all.helper
    }
  })
})

describe('bytes as the whole value', () => {
  test.each<[name: string, bytes: Uint8Array]>([
    ['none', new Uint8Array()],
    ['some', new Uint8Array([0, 1, 255])],
    ['a Buffer', Buffer.from([0, 1, 255])],
    ['a part of a larger buffer', new Uint8Array([9, 0, 1, 255, 9]).subarray(1, 4)],
    ['of another realm', runInNewContext('new Uint8Array([0, 1, 255])') as Uint8Array],
  ])('%s', (_, bytes) => {
    const payload = encode(bytes, WHAT)
    expect(payload).toBeInstanceOf(Uint8Array)
    expect(payload.length).toBe(bytes.length + 1)
    const back = decode(payload) as Uint8Array
    expect(Object.getPrototypeOf(back)).toBe(Uint8Array.prototype)
    expect([...back]).toEqual([...bytes])
  })

  test('are copies on both ways, also of a Buffer', () => {
    const bytes = new Uint8Array([1, 2])
    const payload = Buffer.from(encode(bytes, WHAT) as Uint8Array)
    bytes[0] = 9
    const back = decode(payload) as Uint8Array
    payload[1] = 9
    expect(Object.getPrototypeOf(back)).toBe(Uint8Array.prototype)
    expect([...back]).toEqual([1, 2])
  })
})

describe('what is no JSON is refused with its place', () => {
  class Point {
    readonly x = 1
  }
  class Hidden {
    readonly #secret = 1
    get secret(): number {
      return this.#secret
    }
  }
  const circle: Record<string, unknown> = { a: {} }
  circle['a'] = { b: [circle] }

  test.each<[value: unknown, message: string]>([
    [Number.NaN, 'is NaN'],
    [Number.POSITIVE_INFINITY, 'is Infinity'],
    [{ n: Number.NEGATIVE_INFINITY }, 'n is -Infinity'],
    [5n, 'is 5n'],
    [{ a: { n: 5n } }, 'a.n is 5n'],
    [Symbol('s'), 'is a symbol'],
    [() => 1, 'is a function'],
    [{ toJSON: () => 1 }, 'toJSON is a function'],
    [[1, undefined], '[1] is undefined'],
    [[[], [, 1]], '[1][0] is undefined'], // oxlint-disable-line no-sparse-arrays
    [Object.assign([], { length: 3 }), '[0] is undefined'],
    [new Date(0), 'is an instance of Date'],
    [{ at: [new Date(0)] }, 'at[0] is an instance of Date'],
    [new Map([['a', 1]]), 'is an instance of Map'],
    [{ s: new Set([1]) }, 's is an instance of Set'],
    [/x/, 'is an instance of RegExp'],
    [new Error('x'), 'is an instance of Error'],
    [Promise.resolve(1), 'is an instance of Promise'],
    [new URL('https://example.org'), 'is an instance of URL'],
    [new String('x'), 'is an instance of String'], // oxlint-disable-line no-new-wrappers
    [new Number(1), 'is an instance of Number'], // oxlint-disable-line no-new-wrappers
    [{ p: new Point() }, 'p is an instance of Point'],
    [new Hidden(), 'is an instance of Hidden'],
    [new (class {})(), 'is an instance of a class'],
    [Object.create({ inherited: 1 }), 'is an instance of Object'],
    [Object.create(Object.create(null) as object), 'is an instance of a class'],
    [{ bytes: new Uint8Array([1]) }, 'bytes is an instance of Uint8Array'],
    [[Buffer.from('x')], '[0] is an instance of Buffer'],
    [new ArrayBuffer(1), 'is an instance of ArrayBuffer'],
    [new Float64Array(1), 'is an instance of Float64Array'],
    [new DataView(new ArrayBuffer(1)), 'is an instance of DataView'],
    [circle, 'a.b[0] goes round in a circle'],
    [{ 'a key': { 'quote"': Number.NaN } }, '["a key"]["quote\\""] is NaN'],
    [runInNewContext('({ at: new Date(0) })'), 'at is an instance of Date'],
  ])('%#: %o', (value, message) => {
    const error = refusal('invalid-payload', () => encode(value, WHAT)) as InvalidPayloadError
    expect(error.message).toBe(`The input of t is no JSON: ${message}.`)
    expect(error.issues).toHaveLength(1)
    expect(`${error.issues[0]!.path} ${error.issues[0]!.message}`.trim()).toBe(message)
    expect(error.hint).toContain('JSON form')
  })

  test('65 levels', () => {
    const error = refusal('invalid-payload', () => encode(nested(65), WHAT))
    expect(error.message).toMatch(/goes deeper than 64 levels\.$/)
  })

  test('a million levels do not exhaust the stack', () => {
    const error = refusal('invalid-payload', () => encode(nested(1_000_000), WHAT))
    expect(error.message).toMatch(/goes deeper than 64 levels\.$/)
  })
})

describe('size', () => {
  const LIMIT = 1_048_576

  test.each<[name: string, unit: string, bytes: number]>([
    ['one byte', 'a', 1],
    ['two bytes', 'ä', 2],
    ['three bytes', '字', 3],
    ['four bytes', '🧾', 4],
  ])('text of %s a character is taken up to the limit', (_, unit, bytes) => {
    const room = LIMIT - 2
    const full = unit.repeat(Math.floor(room / bytes)) + 'a'.repeat(room % bytes)
    const payload = encode(full, WHAT) as string
    expect(Buffer.byteLength(payload)).toBe(LIMIT)
    expect(decode(payload)).toBe(full)
    const error = refusal('too-large', () => encode(`${full}a`, WHAT))
    expect(error.message).toBe('The input of t is larger than 1,048,576 bytes.')
    expect(error.hint).toContain('elsewhere')
  })

  test.each<[name: string, value: unknown]>([
    ['an array', [1, 22, 333]],
    ['an object', { a: 'ä', b: [null, true, false, 1.5], c: { d: '\n' } }],
    ['a scalar', 'x'],
    ['nothing in it', {}],
  ])('counts in bytes of UTF-8: %s', (_, value) => {
    const bytes = Buffer.byteLength(JSON.stringify(value))
    expect(encode(value, WHAT, bytes)).toBe(JSON.stringify(value))
    refusal('too-large', () => encode(value, WHAT, bytes - 1))
  })

  test('bytes count without the byte of their codec', () => {
    expect(encode(new Uint8Array(LIMIT), WHAT).length).toBe(LIMIT + 1)
    refusal('too-large', () => encode(new Uint8Array(LIMIT + 1), WHAT))
  })

  test('one object many times over is refused before it is written out', () => {
    let value: unknown = ['x']
    for (let level = 0; level < 60; level++) value = [value, value]
    const long = 'x'.repeat(1_000_000)
    for (const large of [value, Array.from({ length: 10_000 }, () => long), { [long]: { [long]: 1 } }]) {
      expect(refusal('too-large', () => encode(large, WHAT)).message).toContain('1,048,576')
    }
  })

  test('a payload counts by its length', () => {
    expect(payloadSize(null)).toBe(0)
    expect(payloadSize('')).toBe(0)
    expect(payloadSize('"äh"')).toBe(4)
    expect(payloadSize(new Uint8Array(5))).toBe(5)
  })
})

describe('what cannot be decoded', () => {
  test.each<[name: string, payload: string | Uint8Array, message: string]>([
    ['broken JSON', '{"a":', 'The payload is no JSON.'],
    ['an unknown codec', new Uint8Array([1, 2]), 'The payload was written with a codec that is not at hand.'],
    ['bytes without a codec', new Uint8Array(), 'The payload was written with a codec that is not at hand.'],
  ])('%s', (_, payload, message) => {
    expect(refusal('invalid-payload', () => decode(payload)).message).toBe(message)
  })
})
