/** Codecs by themselves: what they carry, what they refuse, and what they make of what somebody changed. */
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import * as msgpackr from 'msgpackr'
import { describe, expect, test } from 'vitest'
import {
  compressed,
  defineTask,
  encrypted,
  json,
  messagePack,
  richJson,
  unchecked,
  type Codec,
  type PayloadPlace,
} from '../../src/index.ts'
import { decodeWith, encodeWith, sealed } from '../../src/task/codecs/codec.ts'
import { decode } from '../../src/task/codec.ts'
import { LIMITS } from '../../src/task/limits.ts'
import type { Payload } from '../../src/store/records.ts'

const place: PayloadPlace = { what: 'input', id: 'some-id', type: 'greet', queue: 'default' }
const sizing = { what: 'The input of greet', bytesMax: LIMITS.payloadBytes }

const kept = (codec: Codec, value: unknown, where: PayloadPlace = place): Payload =>
  sealed(codec, encodeWith(codec, value, sizing), { ...sizing, place: where })
const there = (codec: Codec, value: unknown): unknown => decodeWith(codec, kept(codec, value), place)

const long = 'there and back again. '.repeat(200)
const old = randomBytes(32)
const young = randomBytes(32)
const secret = encrypted(richJson, { keys: { old }, use: 'old' })
const whole = encrypted(compressed(richJson), { keys: { old, young }, use: 'young' })

const PLAIN: readonly unknown[] = [
  undefined,
  null,
  0,
  -1.5,
  true,
  '',
  'ä€😀',
  [],
  {},
  [1, [2]],
  { a: { b: null } },
]
const RICH: readonly unknown[] = [
  new Date(0),
  new Date('2026-02-03T04:05:06.789Z'),
  12345678901234567890n,
  -1n,
  new Map<unknown, unknown>([
    [{ a: 1 }, new Set([1n])],
    ['x', new Map()],
  ]),
  new Set([new Date(1), 'x']),
  new Uint8Array([0, 255, 7]),
  { deep: [{ at: new Date(5), bytes: new Uint8Array() }] },
  { $: 'date', of: 'mine' },
  { $: { $: 1 } },
  JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}'),
]

describe.each<[name: string, codec: Codec]>([
  ['json', json],
  ['richJson', richJson],
  ['messagePack', messagePack(msgpackr)],
  ['compressed', compressed(json, { above: 0 })],
  ['compressed by gzip', compressed(json, { by: 'gzip' })],
  ['encrypted', secret],
  ['all of them', whole],
])('%s', (_, codec) => {
  test.each([...PLAIN, long])('carries %j', (value) => {
    expect(there(codec, value)).toEqual(value)
  })
})

const OPEN: readonly Codec[] = [json, richJson, messagePack(msgpackr), compressed(json), compressed(richJson)]

test.each(OPEN)('what was kept without a codec is read with any (%#)', (codec) => {
  expect(decodeWith(codec, '{"a":1}', place)).toEqual({ a: 1 })
  expect(decodeWith(codec, new Uint8Array([0, 7]), place)).toEqual(new Uint8Array([7]))
})

test.each([secret, whole])('but where it is to be encrypted (%#)', (codec) => {
  expect(() => decodeWith(codec, '{"a":1}', place)).toThrow(
    expect.objectContaining({ code: 'decryption', key: null }),
  )
})

const CLOSED: readonly Codec[] = [richJson, messagePack(msgpackr), compressed(json), secret, whole]

test.each(CLOSED)('what has a codec is refused, not misread, by a definition that has none (%#)', (codec) => {
  const payload = kept(codec, { a: long })
  const refused = expect.objectContaining({ code: 'invalid-payload' }) as Error
  expect(() => decode(payload)).toThrow(refused)
  expect(() => decodeWith(undefined, payload, place)).toThrow(refused)
})

describe('richJson', () => {
  test.each(RICH)('carries %o', (value) => {
    expect(there(richJson, value)).toEqual(value)
    expect(there(whole, value)).toEqual(value)
  })

  test('gives back bytes of their own, no Buffer', () => {
    const bytes = there(richJson, new Uint8Array([1])) as Uint8Array
    expect(bytes.constructor).toBe(Uint8Array)
    expect(bytes.buffer.byteLength).toBe(1)
  })

  const circle: unknown[] = []
  circle.push(circle)
  test.each<[value: unknown, says: RegExp]>([
    [{ n: NaN }, /has NaN in it/],
    [[() => 1], /has .* in it/],
    [{ at: new Date(NaN) }, /an invalid Date/],
    [new URL('https://a.b'), /an instance of a class/],
    [[undefined], /has undefined in it/],
    [circle, /in a circle/],
    [Array.from({ length: 21 }).reduce((inner) => [inner, inner], 1), /holds too much/],
  ])('refuses %o', (value, says) => {
    expect(() => kept(richJson, value)).toThrow(
      expect.objectContaining({ code: 'invalid-payload', message: expect.stringMatching(says) as string }),
    )
  })
})

describe('compressed', () => {
  test('compresses what is larger than 1 KiB, and what it makes smaller', () => {
    expect(kept(compressed(json), 'x'.repeat(1_022))).toBeTypeOf('string')
    const payload = kept(compressed(json), 'x'.repeat(1_023))
    expect(payload.length).toBeLessThan(100)
    expect(kept(compressed(json), new Uint8Array(randomBytes(2_000)))).toHaveLength(2_001)
  })

  test('reads either way of compressing', () => {
    for (const by of ['zstd', 'gzip'] as const)
      expect(decodeWith(compressed(json), kept(compressed(json, { by }), long), place)).toBe(long)
  })

  test('stops at what would fill the memory', () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1_048_576))
    const payload = Buffer.concat([Buffer.from([3, 4]), Buffer.from('gzip'), bomb])
    expect(() => decodeWith(compressed(json), payload, place)).toThrow(
      expect.objectContaining({
        code: 'invalid-payload',
        message: expect.stringMatching(/decompressed/) as string,
      }),
    )
  })

  test('takes no more than what may be enqueued', () => {
    expect(() => kept(compressed(json), 'x'.repeat(LIMITS.payloadBytes))).toThrow(
      expect.objectContaining({ code: 'too-large' }),
    )
  })
})

describe('encrypted', () => {
  test('shows nothing, and is another one each time, while it counts as the same', () => {
    const payload = kept(secret, { word: 'xyzzy' })
    expect(Buffer.from(payload as Uint8Array).toString('latin1')).not.toContain('xyzzy')
    expect(payload).not.toEqual(kept(secret, { word: 'xyzzy' }))
    expect(encodeWith(secret, { word: 'xyzzy' }, sizing)).toEqual(
      encodeWith(secret, { word: 'xyzzy' }, sizing),
    )
  })

  test.each<[where: Partial<PayloadPlace>]>([
    [{ id: 'another' }],
    [{ type: 'another' }],
    [{ queue: 'another' }],
    [{ what: 'result' }],
    [{ what: 'checkpoint', queue: null }],
  ])('is refused where it was moved to %j', (where) => {
    expect(() => decodeWith(secret, kept(secret, 1), { ...place, ...where })).toThrow(
      expect.objectContaining({ code: 'decryption', key: 'old' }),
    )
  })

  test('is refused whatever byte of it was changed', () => {
    const payload = kept(secret, { n: 1 }) as Uint8Array
    for (let at = 0; at < payload.length; at++) {
      const changed = Uint8Array.from(payload, (byte, index) => (index === at ? byte ^ 1 : byte))
      expect(() => decodeWith(secret, changed, place)).toThrow(
        expect.objectContaining({ code: 'decryption' }),
      )
      expect(() => decodeWith(secret, payload.subarray(0, at), place)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/decryption|invalid-payload/) as string }),
      )
    }
  })

  test('keys rotate: all read, one writes', () => {
    const rotated = encrypted(richJson, { keys: { old, young }, use: 'young' })
    expect(decodeWith(rotated, kept(secret, 1n), place)).toBe(1n)
    expect(() => decodeWith(secret, kept(rotated, 1n), place)).toThrow(
      expect.objectContaining({
        code: 'decryption',
        key: 'young',
        message: expect.stringMatching(/not there/) as string,
      }),
    )
    const other = encrypted(richJson, { keys: { old: young }, use: 'old' })
    expect(() => decodeWith(other, kept(secret, 1n), place)).toThrow(
      expect.objectContaining({ code: 'decryption', key: 'old' }),
    )
  })

  test('what was there before it is accepted where that is said', () => {
    const codec = encrypted(json, { keys: { old }, use: 'old', plain: 'accept' })
    expect(decodeWith(codec, '{"a":1}', place)).toEqual({ a: 1 })
    expect(decodeWith(codec, kept(codec, { a: 2 }), place)).toEqual({ a: 2 })
  })

  test('keys are bytes, or base64 of them', () => {
    const text = encrypted(richJson, { keys: { old: old.toString('base64') }, use: 'old' })
    expect(decodeWith(text, kept(secret, 1), place)).toBe(1)
  })
})

test('a codec of the user’s is known by its name', () => {
  const rot: Codec = {
    name: 'rot',
    encode: (value) => String(value).split('').toReversed().join(''),
    decode: (payload) => (payload as string).split('').toReversed().join(''),
  }
  expect(there(compressed(rot, { above: 0 }), long)).toBe(long)
  expect(() => decodeWith(richJson, kept(rot, 'abc'), place)).toThrow(/codec rot, and that .* is rich-json/)
  const broken = {
    ...rot,
    decode: () => {
      throw new Error('worn out')
    },
  }
  expect(() => decodeWith(broken, kept(rot, 'abc'), place)).toThrow(
    expect.objectContaining({
      code: 'invalid-payload',
      message: expect.stringMatching(/worn out/) as string,
    }),
  )
})

test.each<[make: () => unknown]>([
  [() => defineTask('t', { input: unchecked(), codec: 'json' as never })],
  [() => defineTask('t', { input: unchecked(), codec: { name: 'a b', encode: String, decode: String } })],
  [() => compressed({} as never)],
  [() => compressed(json, { above: -1 })],
  [() => compressed(json, { by: 'lz4' as never })],
  [() => messagePack({} as never)],
  [() => encrypted(json, { keys: {}, use: 'a' })],
  [() => encrypted(json, { keys: { a: old.subarray(1) }, use: 'a' })],
  [() => encrypted(json, { keys: { 'a b': old }, use: 'a b' })],
  [() => encrypted(json, { keys: { a: old }, use: 'b' })],
  [() => encrypted(json, { keys: { a: old }, use: 'a', plain: 'yes' as never })],
])('%s is refused', (make) => {
  expect(make).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
})

test('a key that stands where its id belongs is not shown', () => {
  const key = old.toString('base64')
  const wrong = [
    () => encrypted(json, { keys: { a: old }, use: key }),
    () => encrypted(json, { keys: { [key]: 'a' }, use: 'a' }),
  ]
  for (const make of wrong) {
    expect(make).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
    expect(make).not.toThrow(key)
  }
})
