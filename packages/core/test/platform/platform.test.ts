/** The doors to time, chance, processes. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { digest, sha1 } from '../../src/platform/hash.ts'
import { hostProfile } from '../../src/platform/host.ts'
import { onSignals } from '../../src/platform/signals.ts'
import { randomFraction } from '../../src/platform/platform.ts'
import { stderrLogger } from '../../src/platform/console.ts'
import { systemPlatform } from '../../src/platform/system.ts'

describe('timers', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('fire once, not before their time, and not when cancelled', () => {
    let fired = 0
    systemPlatform.setTimer(10.2, () => fired++, 'idle')
    systemPlatform.setTimer(5, () => fired++, 'idle').cancel()
    vi.advanceTimersByTime(10)
    expect(fired).toBe(0)
    vi.advanceTimersByTime(1)
    expect(fired).toBe(1)
    vi.advanceTimersByTime(1_000)
    expect(fired).toBe(1)
  })

  test('may be longer than Node’s longest, and cancelled on the way', () => {
    const day = 86_400_000
    const fired: string[] = []
    systemPlatform.setTimer(60 * day, () => fired.push('long'), 'holds')
    const cancelled = systemPlatform.setTimer(60 * day, () => fired.push('cancelled'), 'holds')
    for (let passed = 0; passed < 59; passed++) vi.advanceTimersByTime(day)
    expect(fired).toEqual([])
    cancelled.cancel()
    vi.advanceTimersByTime(day)
    expect(fired).toEqual(['long'])
    vi.advanceTimersByTime(60 * day)
    expect(fired).toEqual(['long'])
  })
})

test('clocks and chance', async () => {
  expect(Number.isInteger(systemPlatform.wallMs())).toBe(true)
  expect(systemPlatform.monotonicMs()).toBeLessThanOrEqual(systemPlatform.monotonicMs())
  const drawn = new Set(Array.from({ length: 3_000 }, () => systemPlatform.random32()))
  expect(drawn.size).toBeGreaterThan(2_990)
  for (const bits of drawn) expect(Number.isInteger(bits) && bits >= 0 && bits < 2 ** 32).toBe(true)
  expect(randomFraction({ ...systemPlatform, random32: () => 2 ** 32 - 1 })).toBeLessThan(1)
  const order: string[] = []
  systemPlatform.soon(() => order.push('soon'))
  await Promise.resolve().then(() => order.push('microtask'))
  await new Promise<void>((resolve) => systemPlatform.soon(resolve))
  expect(order).toEqual(['microtask', 'soon'])
})

test('signals: the first, then every other; given back when disposed of', () => {
  const heard: string[] = []
  const before = process.listenerCount('SIGTERM')
  {
    using _ = onSignals({ first: () => heard.push('first'), second: () => heard.push('second') })
    process.emit('SIGTERM')
    process.emit('SIGINT')
    process.emit('SIGTERM')
  }
  expect([heard, process.listenerCount('SIGTERM') - before]).toEqual([['first', 'second', 'second'], 0])
})

test('the default logger writes warnings and errors to stderr, in a line each', () => {
  const lines: string[] = []
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => lines.push(String(text)) > 0)
  stderrLogger.debug('debug')
  stderrLogger.info({ a: 1 }, 'info')
  stderrLogger.warn('plain')
  stderrLogger.error({ error: new Error('broken'), n: 1 }, 'failed')
  spy.mockRestore()
  expect(lines).toEqual(['millrace warn: plain\n', 'millrace error: failed error=broken n=1\n'])
})

test('digests are sixteen characters, the same for text and its bytes', () => {
  expect(digest('a', 'b')).toMatch(/^[\w-]{16}$/)
  expect(digest('a', 'b')).toBe(digest('a', new TextEncoder().encode('b')))
  expect(digest('a', 'b')).not.toBe(digest('a', 'c'))
  expect(Buffer.from(sha1(new Uint8Array(), new TextEncoder().encode('abc'))).toString('hex')).toBe(
    'a9993e364706816aba3e25717850c26c9cd0d89d',
  )
  expect(hostProfile()).toEqual({ host: expect.any(String) as unknown, pid: process.pid })
})

test.each([
  ['holds', '1\n'],
  ['idle', ''],
])('a timer that %s', async (hold, output) => {
  const source = new URL('../../src/platform/system.ts', import.meta.url).href
  const script = `import { systemPlatform } from ${JSON.stringify(source)}; systemPlatform.setTimer(50, () => console.log(1), '${hold}')`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
  expect(stdout).toBe(output)
})
