import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { staleReason } from '../../scripts/prepare.mjs'
import { ensureServices } from '../../scripts/services.mjs'
import { countTests, summaryLines } from '../../scripts/test-summary.mjs'

describe('the closing line of npm test', () => {
  const file = (status: string, ...results: readonly string[]) => ({
    status,
    assertionResults: results.map((one) => ({ status: one })),
  })
  const linesOf = (...testResults: readonly ReturnType<typeof file>[]) =>
    summaryLines(countTests({ testResults }))

  test('counts what passed', () =>
    expect(linesOf(file('passed', 'passed', 'passed'))).toEqual(['2 passed, 0 failed']))
  test('counts what failed', () =>
    expect(linesOf(file('failed', 'passed', 'failed'))).toEqual(['1 passed, 1 failed']))
  test('names what was skipped on a line before', () => {
    expect(linesOf(file('passed', 'passed', 'pending', 'todo', 'skipped'))).toEqual([
      '3 skipped',
      '1 passed, 0 failed',
    ])
  })
  test('a file that does not load is a failure', () =>
    expect(linesOf(file('failed'))).toEqual(['0 passed, 1 failed']))
  test('without a report nothing passed', () =>
    expect(summaryLines(countTests(undefined))).toEqual(['0 passed, 0 failed']))
})

describe('whether npm ci is due', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const left = { version: '1.0.0', integrity: 'sha512-a' }
  const lock = {
    '': { version: '0.1.0' },
    'packages/core': { version: '0.1.0' },
    'node_modules/left': left,
    'node_modules/other-platform': { version: '1.0.0', integrity: 'sha512-b', optional: true },
  }
  function reason(installed: object | undefined): string | undefined {
    const lockFile = join(folder, 'package-lock.json')
    const installedFile = join(folder, 'installed.json')
    writeFileSync(lockFile, JSON.stringify({ packages: lock }))
    if (installed !== undefined) writeFileSync(installedFile, JSON.stringify({ packages: installed }))
    return staleReason(installedFile, lockFile)
  }

  test('not when all is there but what belongs to other platforms', () => {
    expect(reason({ 'packages/core': { version: '0.0.9' }, 'node_modules/left': left })).toBeUndefined()
  })
  test('when nothing is installed', () => expect(reason(undefined)).toMatch(/missing/))
  test('when a package is missing', () => expect(reason({})).toMatch(/node_modules\/left is not the one/))
  test('when a version differs', () => {
    expect(reason({ 'node_modules/left': { ...left, version: '2.0.0' } })).toMatch(/left is not the one/)
  })
  test('when the content differs', () => {
    expect(reason({ 'node_modules/left': { ...left, integrity: 'sha512-c' } })).toMatch(/left is not the one/)
  })
  test('when a package was removed from the lock', () => {
    expect(reason({ 'node_modules/left': left, 'node_modules/right': left })).toMatch(/right is no longer/)
  })
})

describe('what the tests need beside Node', () => {
  const complaint = (env: Readonly<Record<string, string>> = {}): string => {
    for (const [name, value] of Object.entries({ PATH: '', ...env })) vi.stubEnv(name, value)
    vi.spyOn(process, 'getuid').mockReturnValue(1_000)
    const said: string[] = []
    try {
      ensureServices((text) => said.push(text))
    } catch (error) {
      expect(said).toEqual([]) // it installs nothing
      return (error as Error).message
    }
    throw new Error('It found everything.')
  }
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })

  test('who may not install is told of each, and of one command for all', () => {
    const lines = complaint().split('\n')
    for (const [title, name] of [
      ['openssl', 'openssl'],
      ['ps', 'procps'],
      ['curl', 'curl'],
    ])
      expect(lines).toContain(
        `The tests need ${title}: there is no ${title} on the PATH. Install it (on Debian: apt-get install ${name}).`,
      )
    expect(lines.at(-1)).toMatch(/^All of it, on Debian: apt-get install .*redis-server openssl procps curl/)
  })
  test('a program of his own is as good', () => {
    expect(complaint()).toMatch(/promtool.* or name one of your own with MILLRACE_TEST_PROMTOOL\.$/m)
    expect(complaint({ MILLRACE_TEST_PROMTOOL: '/opt/promtool' })).not.toMatch(/promtool/)
  })
  test('a server of his own is not: the tests kill theirs', () =>
    expect(complaint({ MILLRACE_TEST_REDIS_URL: 'redis://localhost' })).toMatch(/The tests need Redis/))
})
