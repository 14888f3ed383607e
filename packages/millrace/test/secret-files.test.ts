/** Variables that hold secrets, and those that name a file with one: each in the same way. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidArgumentError } from '@millrace/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { connect } from '../src/index.ts'
import { storeUrl } from '../src/store-url.ts'
import { tokenFor } from '../src/token.ts'

const SECRET = 'redis://ada:swordfish@db'

const READERS: readonly (readonly [name: string, read: () => string | undefined])[] = [
  ['MILLRACE_STORE', () => storeUrl()],
  ['MILLRACE_TOKEN', () => tokenFor(undefined)],
]

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-secrets-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

function file(text: string): string {
  const path = join(folder, 'secret')
  writeFileSync(path, text)
  return path
}

describe.each(READERS)('%s', (name, read) => {
  test.each(['', '\n', '\r\n', '\n\n'])('from a file that ends with %j', (end) => {
    vi.stubEnv(name, '')
    vi.stubEnv(`${name}_FILE`, file(`${SECRET}${end}`))
    expect(read()).toBe(SECRET)
  })

  test('from the variable itself', () => {
    vi.stubEnv(name, SECRET)
    vi.stubEnv(`${name}_FILE`, '')
    expect(read()).toBe(SECRET)
  })

  const refused: readonly (readonly [string, () => void, RegExp])[] = [
    ['both', () => (vi.stubEnv(name, SECRET), file(SECRET)), new RegExp(`^Both ${name} and ${name}_FILE`)],
    ['a file that is not there', () => rmSync(file('')), /cannot be read \(ENOENT\)/],
    ['an empty file', () => file('\n'), /holds nothing/],
    ['a file that is something else', () => file('x'.repeat(70_000)), /holds too much/],
  ]
  test.each(refused)('%s is an error, which does not repeat what it says', (_, prepare, text) => {
    vi.stubEnv(name, '')
    vi.stubEnv(`${name}_FILE`, join(folder, 'secret'))
    prepare()
    expect(read).toThrow(InvalidArgumentError)
    expect(read).toThrow(text)
    expect(read).not.toThrow(/swordfish/)
  })
})

test('a token that cannot be read keeps connect from connecting', async () => {
  vi.stubEnv('MILLRACE_TOKEN_FILE', join(folder, 'nowhere'))
  await expect(connect('https://queue.invalid')).rejects.toThrow(/MILLRACE_TOKEN_FILE: .* cannot be read/)
  await expect(connect('https://queue.invalid', { token: 'given' })).rejects.not.toThrow(/TOKEN_FILE/)
})
