/** API keys: what is kept of them, who comes in by them, and how they go. */
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { systemPlatform } from '@millrace/core'
import { expect, test } from 'vitest'
import { createKey, revokeKey, rotateKey } from '../../src/access/keys/changes.ts'
import { changeKeys, readKeys } from '../../src/access/keys/file.ts'
import { KeyBook, LOOK_MS } from '../../src/access/keys/key-book.ts'
import { hashOf, keyIdOf, newToken } from '../../src/access/keys/token.ts'
import type { KeyRecord } from '../../src/access/keys/records.ts'
import { ManualPlatform, TestFolder, TestLog } from '../fakes.ts'

const GRANTS = [{ role: 'producer', queues: ['mail'] }] as const
const NOW = new Date('2026-11-23T00:00:00Z')
const HOUR = 3_600_000
const later = (ms: number): Date => new Date(NOW.getTime() + ms)

function newBook(keys: readonly KeyRecord[], platform = new ManualPlatform()): Promise<KeyBook> {
  return KeyBook.open(keys, { platform, logger: new TestLog() })
}

test('a key has 256 random bits, names its id, and only its hash is kept', () => {
  const { keys, token, key } = createKey([], { name: 'ci', grants: GRANTS }, NOW)
  expect(token).toMatch(/^mr_[0-9A-Za-z]{10}_[0-9A-Za-z]{43}$/)
  expect(keyIdOf(token)).toBe(key.id)
  expect(key.secrets).toEqual([{ hash: hashOf(token), createdAt: NOW.toISOString() }])
  expect(JSON.stringify(keys)).not.toContain(token.split('_')[2])
  expect(new Set(Array.from({ length: 1_000 }, () => newToken('a'))).size).toBe(1_000)
})

test.each<[string, (token: string) => string]>([
  ['another secret', (token) => newToken(keyIdOf(token)!)],
  ['the id of no key', () => newToken('nobody')],
  ['one letter more', (token) => `${token}A`],
  ['one letter less', (token) => token.slice(0, -1)],
  ['other case', (token) => token.toUpperCase()],
  ['the hash in its place', (token) => `mr_${keyIdOf(token)}_${hashOf(token)}`],
  ['nothing', () => ''],
  ['no secret', (token) => token.slice(0, 14)],
  ['very much', (token) => token + 'A'.repeat(100_000)],
])('nobody comes in by %s', async (_, spoilt) => {
  const { keys, token } = createKey([], { name: 'ci', grants: GRANTS }, NOW)
  const book = await newBook(keys)
  expect(book.find(token)).toMatchObject({ name: 'key:ci', grants: [{ role: 'producer' }] })
  expect(book.find(spoilt(token))).toBeNull()
})

test('a key counts until it runs out', async () => {
  const platform = new ManualPlatform()
  const { keys, token } = createKey([], { name: 'ci', grants: GRANTS, expiresAt: later(HOUR) }, NOW)
  const book = await newBook(keys, platform)
  platform.advance(HOUR - 1)
  expect(book.find(token)).not.toBeNull()
  platform.advance(1)
  expect(book.find(token)).toBeNull()
})

test('while a key is rotated both secrets count, then the new one only; a second rotation keeps two', async () => {
  const platform = new ManualPlatform()
  const first = createKey([], { name: 'ci', grants: GRANTS }, NOW)
  const second = rotateKey(first.keys, { which: 'ci', until: later(HOUR) }, NOW)
  const book = await newBook(second.keys, platform)
  expect([first.token, second.token].map((token) => book.find(token)?.name)).toEqual(['key:ci', 'key:ci'])
  expect(keyIdOf(second.token)).toBe(keyIdOf(first.token))
  const third = rotateKey(second.keys, { which: second.key.id, until: later(HOUR) }, NOW)
  const found = await newBook(third.keys)
  expect([first, second, third].map(({ token }) => found.find(token) !== null)).toEqual([false, true, true])
  platform.advance(HOUR)
  expect([first.token, second.token].map((token) => book.find(token) !== null)).toEqual([false, true])
  const atOnce = await newBook(rotateKey(first.keys, { which: 'ci', until: NOW }, NOW).keys)
  expect(atOnce.find(first.token)).toBeNull()
})

test('names are unique among keys that count, and what counts no more is not changed', () => {
  const { keys, key } = createKey([], { name: 'ci', grants: GRANTS }, NOW)
  const wrong = expect.objectContaining({ code: 'invalid-argument' }) as Error
  expect(() => createKey(keys, { name: 'ci', grants: GRANTS }, NOW)).toThrow(wrong)
  expect(() => createKey(keys, { name: '../x y', grants: GRANTS }, NOW)).toThrow(wrong)
  const revoked = revokeKey(keys, 'ci', NOW)
  expect(createKey(revoked, { name: 'ci', grants: GRANTS }, NOW).keys).toHaveLength(2)
  expect(() => revokeKey(revoked, key.id, NOW)).toThrow(/counts no more/)
  expect(() => rotateKey(revoked, { which: key.id, until: NOW }, NOW)).toThrow(/counts no more/)
  expect(() => revokeKey(keys, 'nobody', NOW)).toThrow(/no key "nobody"/)
})

test('the file is for its owner only, replaced whole, and leaves nothing beside it', async () => {
  using folder = new TestFolder()
  const path = folder.file('keys.json')
  await changeKeys(path, (keys) => createKey(keys, { name: 'one', grants: GRANTS }, NOW))
  const before = statSync(path).ino
  await changeKeys(path, (keys) => createKey(keys, { name: 'two', grants: GRANTS }, NOW))
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(path).ino).not.toBe(before)
  expect((await readKeys(path)).map(({ name }) => name)).toEqual(['one', 'two'])
  const left = (await import('node:fs')).readdirSync(folder.path)
  expect(left).toEqual(['keys.json'])
})

test('of two who change the file at once one is refused, and neither is lost in silence', async () => {
  using folder = new TestFolder()
  const path = folder.file('keys.json')
  const names = ['a', 'b', 'c', 'd', 'e']
  const changes = await Promise.allSettled(
    names.map((name) => changeKeys(path, (keys) => createKey(keys, { name, grants: GRANTS }, NOW))),
  )
  const done = names.filter((_, index) => changes[index]!.status === 'fulfilled')
  expect(done.length).toBeGreaterThan(0)
  expect((await readKeys(path)).map(({ name }) => name).toSorted()).toEqual(done)
  expect(existsSync(`${path}.lock`)).toBe(false)
})

test('a revoked key is out within 5 s, without a restart', async () => {
  using folder = new TestFolder()
  const path = folder.file('keys.json')
  const { token } = await changeKeys(path, (keys) =>
    createKey(keys, { name: 'ci', grants: GRANTS }, new Date()),
  )
  const log = new TestLog()
  const book = await KeyBook.open(path, { platform: systemPlatform, logger: log })
  expect(book.find(token)).not.toBeNull()
  const began = performance.now()
  await changeKeys(path, (keys) => ({ keys: revokeKey(keys, 'ci', new Date()) }))
  while (book.find(token) !== null) await new Promise((resolve) => setImmediate(resolve))
  expect(performance.now() - began).toBeLessThan(5_000)
  expect(LOOK_MS).toBeLessThanOrEqual(2_000)
  book.close()
})

const GOOD = (keys: readonly unknown[]): string => JSON.stringify({ version: 1, keys })
const { key } = createKey([], { name: 'ci', grants: GRANTS }, NOW)

test.each<[string, string]>([
  ['empty', ''],
  ['half of it', GOOD([key]).slice(0, 80)],
  ['another version', JSON.stringify({ version: 2, keys: [] })],
  ['a list', '[]'],
  ['no object', 'null'],
  ['a key twice', GOOD([key, key])],
  ['a hash that is none', GOOD([{ ...key, secrets: [{ hash: 'abc', createdAt: NOW.toISOString() }] }])],
  ['no secret', GOOD([{ ...key, secrets: [] }])],
  ['a role that is not known', GOOD([{ ...key, grants: [{ role: 'root', queues: ['**'] }] }])],
  ['a pattern that is none', GOOD([{ ...key, grants: [{ role: 'admin', queues: ['me*'] }] }])],
  ['no grants', GOOD([{ ...key, grants: [] }])],
  ['a member that is not known', GOOD([{ ...key, revoked: true }])],
  ['a date that is none', GOOD([{ ...key, expiresAt: 'tomorrow' }])],
  ['__proto__', '{"version":1,"keys":[],"__proto__":{"keys":[]}}'],
  ['deep nesting', '['.repeat(100_000)],
])(
  'a file that is wrong (%s) is refused at the start, and later what was read last counts',
  async (_, text) => {
    using folder = new TestFolder()
    const path = folder.file('keys.json')
    writeFileSync(path, text)
    const log = new TestLog()
    const platform = new ManualPlatform()
    await expect(KeyBook.open(path, { platform, logger: log })).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    writeFileSync(path, GOOD([]))
    const { token } = await changeKeys(path, (keys) => createKey(keys, { name: 'ci', grants: GRANTS }, NOW))
    const book = await KeyBook.open(path, { platform, logger: log })
    const kept = readFileSync(path)
    writeFileSync(folder.file('next'), text)
    renameSync(folder.file('next'), path)
    platform.advance(LOOK_MS)
    await log.saw(/cannot be read/)
    expect(book.find(token)).not.toBeNull()
    expect(book.problem).toMatch(/file of keys/)
    await book.look()
    expect(log.messages('error')).toHaveLength(1)
    writeFileSync(folder.file('next'), kept)
    renameSync(folder.file('next'), path)
    await book.look()
    expect(book.problem).toBeNull()
    expect(book.find(token)).not.toBeNull()
    book.close()
  },
)

test('a file that is gone, or that anybody may write to, is no file of keys', async () => {
  using folder = new TestFolder()
  const path = folder.file('keys.json')
  const parts = { platform: new ManualPlatform(), logger: new TestLog() }
  await expect(KeyBook.open(path, parts)).rejects.toThrow(/ENOENT/)
  writeFileSync(path, GOOD([key]))
  chmodSync(path, 0o666)
  await expect(KeyBook.open(path, parts)).rejects.toThrow(/written by anybody/)
})

test('a function is asked again, and one that fails leaves the last list', async () => {
  const platform = new ManualPlatform()
  const log = new TestLog()
  const { keys, token } = createKey([], { name: 'ci', grants: GRANTS }, NOW)
  let answer = (): readonly KeyRecord[] => keys
  const book = await KeyBook.open(() => answer(), { platform, logger: log })
  answer = () => {
    throw new Error('the database is away')
  }
  await book.look()
  expect(book.find(token)).not.toBeNull()
  answer = () => []
  await book.look()
  expect(book.find(token)).toBeNull()
  expect(log.messages('error', 'info')).toEqual([
    'The keys cannot be read: those read last still count.',
    'The keys can be read again.',
  ])
})
