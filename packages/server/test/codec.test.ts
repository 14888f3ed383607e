import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  create,
  equals,
  fromBinary,
  getOption,
  ScalarType,
  toBinary,
  type DescField,
  type DescMessage,
  type Message,
} from '@bufbuild/protobuf'
import { codeOf } from '@millrace/core'
import { describe, expect, test } from 'vitest'
import { codecOf } from '../src/wire/codec.ts'
import { readFrame } from '../src/wire/frame.ts'
import { form, Form, max } from '../src/wire/generated/millrace/v1/forms_pb.ts'
import {
  StoreService,
  WorkRequestSchema,
  WorkResponseSchema,
} from '../src/wire/generated/millrace/v1/store_pb.ts'
import { CommandRequestSchema } from '../src/wire/generated/millrace/v1/operating_pb.ts'
import { AddRequestSchema } from '../src/wire/generated/millrace/v1/enqueuing_pb.ts'
import { ExchangeRequestSchema } from '../src/wire/generated/millrace/v1/working_pb.ts'
import { UsageResponseSchema } from '../src/wire/generated/millrace/v1/keeping_pb.ts'

/** Numbers from 0 to 1, the same for the same seed. */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

const TEXTS = ['', 'a', 'naïve', '日本', '💥 boom', 'x'.repeat(200), 'ü'.repeat(70), '__proto__', '{"a":1}']
const NUMBERS = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1]
const TIMES = [...NUMBERS, 2 ** 31, 2 ** 32 + 5, 1_763_900_000_123, 2 ** 47 - 1]

/** Any message, made by protobuf-es, whose fields hold what their forms allow. */
class Maker {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = chance(seed)
  }

  message(desc: DescMessage): Message {
    const init: Record<string, unknown> = {}
    for (const oneof of desc.oneofs) {
      const field = this.#pick(oneof.fields)
      init[oneof.localName] = { case: field.localName, value: this.#value(field) }
    }
    for (const field of desc.fields) {
      if (field.oneof !== undefined) continue
      // ids have no cursor, and lose it
      if (field.name === 'cursor' && 'target' in init && (init['target'] as { case: string }).case === 'ids')
        continue
      if (field.proto.proto3Optional && this.#next() < 0.4) continue
      init[field.localName] = this.#field(field)
    }
    return create(desc, init)
  }

  #field(field: DescField): unknown {
    if (field.fieldKind === 'map')
      return Object.fromEntries(this.#many(5, () => [this.#text(), this.#text()]))
    if (field.fieldKind === 'list') return this.#many(5, () => this.#value(field))
    return this.#value(field)
  }

  #value(field: DescField): unknown {
    if (field.message !== undefined) return this.message(field.message)
    if (field.enum !== undefined) return this.#pick(field.enum.values.slice(1)).number
    const greatest = (field.fieldKind === 'scalar' ? getOption(field, max) : 0) || Infinity
    switch (field.scalar) {
      case ScalarType.STRING:
        return this.#formed(field, greatest)
      case ScalarType.BYTES:
        return Uint8Array.from(this.#many(300, () => Math.floor(this.#next() * 256)))
      case ScalarType.BOOL:
        return this.#next() < 0.5
      case ScalarType.DOUBLE:
        return this.#next() * 1e6
      case ScalarType.INT64:
        return BigInt(this.#pick(TIMES))
      default:
        return Math.min(this.#pick(NUMBERS), greatest)
    }
  }

  #formed(field: DescField, bytesMax: number): string {
    const hex = (digits: number): string =>
      this.#many(digits, () => Math.floor(this.#next() * 16).toString(16), digits).join('')
    switch (getOption(field, form)) {
      case Form.UUID:
        return `${hex(8)}-${hex(4)}-7${hex(3)}-8${hex(3)}-${hex(12)}`
      case Form.NONCE:
        return hex(16)
      case Form.NAME:
        return `n${hex(4)}`
      case Form.OFFER:
        return `n${hex(4)}@2`
      default:
        return this.#pick(TEXTS.filter((text) => Buffer.byteLength(text) <= bytesMax))
    }
  }

  #text(): string {
    // an entry of that name sets the prototype of a message of protobuf-es, which then has none
    return this.#pick(TEXTS.filter((text) => text !== '__proto__'))
  }

  #many<T>(most: number, make: () => T, least = 0): T[] {
    return Array.from({ length: least + Math.floor(this.#next() * (most + 1 - least)) }, make)
  }

  #pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.#next() * of.length)]!
  }
}

function endOf(read: () => unknown): string {
  try {
    read()
    return 'read'
  } catch (error) {
    return codeOf(error) ?? String(error)
  }
}

const messages = new Map<string, DescMessage>()
for (const { input, output } of StoreService.methods)
  for (const desc of [input, output]) messages.set(desc.name, desc)

describe('messages', () => {
  for (const [name, desc] of messages) {
    test(`${name}: what protobuf-es writes is read, and what is written is what it reads`, () => {
      const codec = codecOf<object>(desc)
      for (let seed = 1; seed <= 60; seed++) {
        const message = new Maker(seed).message(desc)
        const plain = codec.decode(toBinary(desc, message))
        const again = fromBinary(desc, codec.encode(plain))
        expect(equals(desc, again, message), `seed ${seed}: ${JSON.stringify(plain)}`).toBe(true)
        expect(codec.decode(codec.encode(plain))).toEqual(plain)
      }
    })
  }

  test('what is cut off anywhere, or was changed anywhere, is read or refused, and nothing else', () => {
    const codec = codecOf<object>(WorkRequestSchema)
    const next = chance(7)
    for (let seed = 1; seed <= 40; seed++) {
      const bytes = toBinary(WorkRequestSchema, new Maker(seed).message(WorkRequestSchema) as never)
      for (let tries = 0; tries < 50; tries++) {
        const cut = Buffer.from(bytes.subarray(0, Math.floor(next() * bytes.length)))
        const flipped = Buffer.from(bytes)
        if (flipped.length > 0) flipped[Math.floor(next() * flipped.length)] = Math.floor(next() * 256)
        for (const odd of [cut, flipped]) {
          for (const read of [() => codec.decode(odd), () => readFrame(odd)]) {
            expect(['read', 'invalid-argument']).toContain(endOf(read))
          }
        }
      }
    }
  })

  test.each<readonly [what: string, desc: DescMessage, plain: object, why: RegExp]>([
    ['no id', CommandRequestSchema, { nonce: '1', tasksMax: 1 }, /command is missing/],
    ['a negative number', UsageResponseSchema, { now: -1, usages: [] }, /now is no whole number/],
    ['a fraction', UsageResponseSchema, { now: 0.5, usages: [] }, /now is no whole number/],
    ['a time beyond all', UsageResponseSchema, { now: 2 ** 47, usages: [] }, /now is no whole number/],
  ])('%s is refused where it would be written', (_what, desc, plain, why) => {
    expect(() => codecOf<object>(desc).encode(plain)).toThrow(why)
  })

  test.each<readonly [what: string, desc: DescMessage, init: object, why: RegExp]>([
    ['an id that is none', ExchangeRequestSchema, { session: 'x', nonce: '1' }, /session is no UUID/],
    ['nothing at all', ExchangeRequestSchema, {}, /session is missing/],
    [
      'a list that is too long',
      AddRequestSchema,
      { groups: Array.from({ length: 1_001 }, () => ({})) },
      /groups has more than 1000 elements/,
    ],
    [
      'a command that is none',
      CommandRequestSchema,
      { nonce: '1', command: {}, target: {}, tasksMax: 1 },
      /Command is none of its members/,
    ],
    [
      'a text with U+0000',
      WorkResponseSchema,
      { id: 1, answer: { case: 'failure', value: { code: 'a\0', message: 'm' } } },
      /holds U\+0000/,
    ],
  ])('%s is refused where it comes from', (_what, desc, init, why) => {
    expect(() => codecOf<object>(desc).decode(toBinary(desc, create(desc, init as never)))).toThrow(why)
  })

  test('a name like __proto__ is one as any other', () => {
    const codec = codecOf<{ metadata: Record<string, string> }>(
      AddRequestSchema.fields[0]!.message!.fields[0]!.message!,
    )
    const task = new Maker(3)
    const desc = AddRequestSchema.fields[0]!.message!.fields[0]!.message!
    const plain = codec.decode(toBinary(desc, task.message(desc)))
    const metadata = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>
    const read = codec.decode(codec.encode({ ...plain, metadata }))
    expect(Object.entries(read.metadata)).toEqual(Object.entries(metadata))
    expect(Object.getPrototypeOf(read.metadata)).toBe(Object.prototype)
  })

  test('a number that has no other form than a text in the port is one', () => {
    expect(
      codecOf<object>(WorkResponseSchema).decode(
        toBinary(
          WorkResponseSchema,
          create(WorkResponseSchema, {
            id: 3,
            answer: { case: 'exchange', value: { now: 5n, verdicts: [1, 3], session: 1 } },
          }),
        ),
      ),
    ).toEqual({
      id: 3,
      exchange: {
        now: 5,
        verdicts: ['applied', 'stale'],
        session: 'alive',
        claims: [],
        cursor: null,
        turn: null,
        nextInMs: null,
        undelivered: false,
      },
    })
  })
})

describe('messages that repeat', () => {
  const policy = { retry: { kind: 'fixed', attempts: 3, baseMs: 10 } }
  const claim = (n: number, given: object = {}): object => ({
    id: `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`,
    epoch: 1,
    nonce: 'ab',
    type: 'job',
    queue: 'default',
    partition: null,
    level: 2,
    payload: `{"n":"${'x'.repeat(100 + n)}"}`,
    policy,
    counters: {
      claims: 1,
      failures: 0,
      crashes: 0,
      isolatedCrashes: 0,
      returns: 0,
      snoozes: 0,
      parks: 0,
      generation: 0,
    },
    enqueuedAt: 5,
    runAt: 5,
    claimedAt: 6,
    timeoutMs: null,
    deadlineAt: null,
    after: [],
    tags: [],
    metadata: {},
    headers: {},
    checkpoint: null,
    ...given,
  })
  const exchange = (...claims: readonly object[]): object => ({
    id: 1,
    exchange: {
      now: 7,
      verdicts: [],
      session: 'alive',
      claims,
      cursor: null,
      turn: null,
      nextInMs: null,
      undelivered: false,
    },
  })
  interface Answer {
    readonly exchange: { readonly claims: readonly { readonly policy: object; readonly type: string }[] }
  }
  const codec = codecOf<object>(WorkResponseSchema)
  const read = (bytes: Uint8Array): Answer => codec.decode(bytes) as Answer

  test('are one object where they are alike, which nobody can change, and others where they are not', () => {
    const other = { retry: { kind: 'fixed', attempts: 4, baseMs: 10 } }
    const sent = exchange(claim(1), claim(2), claim(3, { policy: other }), claim(4))
    const { claims } = read(codec.encode(sent)).exchange
    expect(codec.decode(codec.encode(sent))).toEqual(sent)
    expect(claims[1]!.policy).toBe(claims[0]!.policy)
    expect(claims[2]!.policy).toEqual(other)
    expect(claims[3]!.policy).toEqual(policy)
    expect(() => Object.assign((claims[0]!.policy as typeof policy).retry, { attempts: 9 })).toThrow(
      TypeError,
    )
  })

  test('are as they were when each message was written', () => {
    const changing = { retry: { kind: 'fixed', attempts: 1, baseMs: 0 } }
    const sent = exchange(claim(1, { policy: changing }), claim(2, { policy: changing }))
    expect(read(codec.encode(sent)).exchange.claims[1]!.policy).toEqual(changing)
    changing.retry.attempts = 2
    expect(read(codec.encode(sent)).exchange.claims[1]!.policy).toEqual(changing)
  })

  test('a text that is like the one before in all but its end, or its form, is another one', () => {
    const types = ['job', 'jobs', 'jo', 'jób', 'job']
    const claims = types.map((type, n) => claim(n, { type }))
    expect(read(codec.encode(exchange(...claims))).exchange.claims.map(({ type }) => type)).toEqual(types)
  })

  test('messages of any length stand behind each other', () => {
    const claims = [0, 1, 120, 130, 16_300, 16_400, 3, 70_000, 16_384 - 260, 5].map((length, n) =>
      claim(n, { payload: 'ü'.repeat(length), headers: { h: 'y'.repeat(length) } }),
    )
    expect(codec.decode(codec.encode(exchange(...claims)))).toEqual(exchange(...claims))
  })

  test('a text that is no UTF-8 is refused, one that holds U+FFFD is read', () => {
    const bytes = codec.encode(exchange(claim(1, { payload: `${'z'.repeat(80)}\uFFFD` })))
    expect(codec.decode(bytes)).toEqual(exchange(claim(1, { payload: `${'z'.repeat(80)}\uFFFD` })))
    bytes[bytes.indexOf('zzz')] = 0xff
    expect(() => codec.decode(bytes)).toThrow(/no UTF-8/)
  })
})

describe('the files of the API', () => {
  const home = join(import.meta.dirname, '..')
  const tools = join(home, '../../node_modules/.bin')
  const buf = (...args: readonly string[]): string =>
    execFileSync(join(tools, 'buf'), args, {
      cwd: home,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${tools}:${process.env['PATH']}` },
    })

  test('are as the linter wants them', () => {
    expect(buf('lint')).toBe('')
  })

  test('have been generated from what is there', () => {
    const out = mkdtempSync(join(tmpdir(), 'millrace-proto-'))
    try {
      buf('generate', '--output', out)
      const read = (root: string): readonly (readonly [string, string])[] =>
        readdirSync(root, { recursive: true, encoding: 'utf8' })
          .filter((file) => file.endsWith('.ts'))
          .toSorted()
          .map((file) => [file, readFileSync(join(root, file), 'utf8')])
      const generated = read(join(out, 'src/wire/generated'))
      expect(generated.length).toBeGreaterThan(0)
      expect(generated).toEqual(read(join(home, 'src/wire/generated')))
    } finally {
      rmSync(out, { recursive: true })
    }
  })
})
