import { describe, expect, test } from 'vitest'
import { checkedKey, checkedName, exceedsBytes, LIMITS, utf8Bytes } from '../../src/task/limits.ts'
import { named, refusal } from './refusals.ts'

describe('names', () => {
  test.each(['a', 'A', '0', 'image.thumbnail', 'a-b_c.D', 'x'.repeat(128), 'constructor', 'a..b', 'a-'])(
    '%s',
    (name) => {
      expect(checkedName(name, 'The queue')).toBe(name)
    },
  )

  test.each(
    named<unknown>([
      '',
      '.a',
      '-a',
      '_a',
      'a b',
      'a/b',
      'a:b',
      'ä',
      'a\n',
      'a\0',
      'x'.repeat(129),
      '__proto__',
      'x'.repeat(1_000_000),
      null,
      undefined,
      1,
      5n,
      Symbol('a'),
      {},
      ['a'],
    ]),
  )('%s is none', (_, name) => {
    const error = refusal('invalid-argument', () => checkedName(name, 'The queue'))
    expect(error.message).toMatch(/^The queue is .*, which is no name\.$/s)
    expect(error.message.length).toBeLessThan(160)
    expect(error.hint).toContain('1 to 128 letters')
  })
})

describe('keys', () => {
  test.each([
    '',
    'k',
    'any text: ä, 字, 🧾, \n, \u0001, \uffff',
    'x'.repeat(512),
    'ä'.repeat(256),
    '🧾'.repeat(128),
    '__proto__',
  ])('%j', (key) => {
    expect(checkedKey(key, 'The unique key')).toBe(key)
  })

  test.each(
    named<unknown>([
      'x'.repeat(513),
      `${'ä'.repeat(256)}x`,
      `${'🧾'.repeat(128)}x`,
      // no text in Postgres, nor in UTF-8
      '\0',
      'a\0b',
      '\ud800',
      'a\udc00b',
      null,
      undefined,
      1,
      5n,
      Symbol('k'),
      {},
      ['k'],
    ]),
  )('%s is none', (_, key) => {
    const error = refusal('invalid-argument', () => checkedKey(key, 'The unique key'))
    expect(error.message).toMatch(/^The unique key is .*, which is no key\.$/)
    expect(error.hint).toContain('without U+0000, of at most 512 bytes')
  })
})

describe('bytes of a text', () => {
  test.each<[text: string, bytes: number]>([
    ['', 0],
    ['a', 1],
    ['ä', 2],
    ['字', 3],
    ['🧾', 4],
    ['\ud800', 3],
    ['a\0b', 3],
  ])('%j: %d', (text, bytes) => {
    expect(utf8Bytes(text)).toBe(bytes)
    for (const max of [0, 1, 2, 3, 4, 5, 9, 10, 100]) expect(exceedsBytes(text, max)).toBe(bytes > max)
  })
})

test('the limits are those of the semantics', () => {
  expect(LIMITS).toEqual({
    payloadBytes: 1_048_576,
    fedBytes: 8_388_608,
    flowDepth: 64,
    flowEdges: 200_000,
    resultBytes: 1_048_576,
    checkpointBytes: 1_048_576,
    errorBytes: 16_384,
    headersBytes: 16_384,
    metadataBytes: 16_384,
    tags: 100,
    jsonDepth: 64,
    batchTasks: 1_000,
    batchBytes: 8_388_608,
    graphTasks: 50_000,
    parents: 50_000,
    keyBytes: 512,
  })
})
