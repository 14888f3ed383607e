import { describe, expect, test } from 'vitest'
import { parseStoreUrl, shownUrl, storeUrl } from '../src/store-url.ts'

describe('a store URL', () => {
  test.each([
    ['memory:', { kind: 'memory' }],
    ['sqlite:millrace.db', { kind: 'sqlite', path: 'millrace.db' }],
    ['sqlite:../a b%20c?.db', { kind: 'sqlite', path: '../a b%20c?.db' }],
    ['sqlite:/var/lib/m.db', { kind: 'sqlite', path: '/var/lib/m.db' }],
    ['sqlite:///var/lib/m.db', { kind: 'sqlite', path: '/var/lib/m.db' }],
    ['SQLite:m.db', { kind: 'sqlite', path: 'm.db' }],
    [
      'postgres://u:p%40@h:5433/db?sslmode=require',
      { kind: 'postgres', url: 'postgres://u:p%40@h:5433/db?sslmode=require' },
    ],
    ['PostgreSQL://h/db', { kind: 'postgres', url: 'PostgreSQL://h/db' }],
    ['redis://h', { kind: 'redis', url: 'redis://h' }],
    ['rediss://u:p@h:1/2', { kind: 'redis', url: 'rediss://u:p@h:1/2' }],
    ['valkey://h/0', { kind: 'redis', url: 'valkey://h/0' }],
    ['https://h', { kind: 'server', url: 'https://h' }],
    ['http://127.0.0.1:8080', { kind: 'server', url: 'http://127.0.0.1:8080' }],
  ])('%s', (url, address) => expect(parseStoreUrl(url)).toEqual(address))

  test.each([
    ['', /no scheme/],
    ['millrace.db', /no scheme/],
    ['memory:x', /nothing behind/],
    ['sqlite:', /names no file/],
    ['sqlite://', /names no file/],
    ['sqlite://host/m.db', /names a host/],
    ['sqlite::memory:', /in memory is not a file/],
    ['sqlite:a\0b', /U\+0000/],
    ['postgres:', /cannot be read/],
    ['postgres://u:secret@h:port/db', /cannot be read/],
    ['redis:h', /cannot be read/],
    ['redis://u:secret@', /cannot be read/],
    ['redis://u:secret@h/name', /cannot be read/],
    ['https:', /cannot be read/],
    ['https://u:secret@', /cannot be read/],
    ['mysql://h', /knows no store for mysql:/],
  ])('%j is refused', (url, message) => {
    const refusal = refusalOf(url)
    expect(refusal).toMatchObject({ name: 'StoreError', code: 'store-url', effect: 'final' })
    expect(refusal).toHaveProperty('message', expect.stringMatching(message))
    expect(refusal).toHaveProperty('hint', expect.stringMatching(/sqlite:|memory:|postgres:|redis:|https:/))
    expect(String(refusal)).not.toContain('secret')
  })

  test.each([
    ['sqlite:///m.db', 'sqlite:///m.db'],
    ['postgres://h/db', 'postgres://h/db'],
    ['postgres://u:p%40@h:5433/db', 'postgres://u:***@h:5433/db'],
    ['postgres://h/db?user=u&password=secret', 'postgres://h/db?user=u&password=***'],
  ])('%s is shown as %s', (url, shown) => expect(shownUrl(url)).toBe(shown))

  test('comes from the call, else from the environment, else is a file in the current folder', () => {
    const before = process.env['MILLRACE_STORE']
    try {
      process.env['MILLRACE_STORE'] = 'sqlite:env.db'
      expect(storeUrl('memory:')).toBe('memory:')
      expect(storeUrl()).toBe('sqlite:env.db')
      process.env['MILLRACE_STORE'] = ''
      expect(storeUrl()).toBe('sqlite:millrace.db')
    } finally {
      if (before === undefined) delete process.env['MILLRACE_STORE']
      else process.env['MILLRACE_STORE'] = before
    }
  })
})

function refusalOf(url: string): unknown {
  try {
    return parseStoreUrl(url)
  } catch (error) {
    return error
  }
}
