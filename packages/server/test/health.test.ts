/** Whether a server can be given calls, as probes by HTTP and gRPC hear it. */
import { expect, test, vi } from 'vitest'
import { StoreError } from '@millrace/core'
import { Health } from '../src/health/health.ts'
import { livezHandler, readyzHandler } from '../src/health/handlers.ts'
import { scene } from './observing/scene.ts'

const get = (path: string, method = 'GET'): Request => new Request(`http://host${path}`, { method })
const away = new StoreError('store-unavailable', 'no road to 10.0.0.7', { effect: 'none' })

test('it is ready while the store answers, and nobody learns where that is', async () => {
  await using at = scene()
  const health = new Health(at)
  const ready = readyzHandler(health)
  expect(health.status()).toBe('not-serving')
  const first = await ready(get('/readyz'))
  expect([first.status, await first.json()]).toEqual([
    200,
    { status: 'ready', checks: { store: { status: 'ok' }, draining: false } },
  ])
  expect([first.headers.get('content-type'), first.headers.get('cache-control')]).toEqual([
    'application/json',
    'no-store',
  ])
  expect(health.status()).toBe('serving')
  vi.spyOn(at.store, 'now').mockRejectedValue(away)
  at.pass(1_000)
  const second = await ready(get('/readyz'))
  expect([second.status, await second.json()]).toEqual([
    503,
    {
      status: 'not-ready',
      checks: { store: { status: 'failed', code: 'store-unavailable' }, draining: false },
    },
  ])
  expect(health.status()).toBe('not-serving')
})

test('whoever asks, the store is asked once at a time, and once a second', async () => {
  await using at = scene()
  const now = vi.spyOn(at.store, 'now')
  const health = new Health(at)
  await Promise.all([health.check(), health.check(), health.check()])
  await health.check()
  expect(now).toHaveBeenCalledTimes(1)
  at.pass(1_000)
  await health.check()
  expect(now).toHaveBeenCalledTimes(2)
})

test('a store that takes too long is not there, and is not asked again until it has answered', async () => {
  await using at = scene()
  const { promise, resolve } = Promise.withResolvers<number>()
  const now = vi.spyOn(at.store, 'now').mockReturnValue(promise)
  const health = new Health(at, { timeoutMs: 1 })
  const timeout = {
    status: 'not-serving',
    checks: { store: { status: 'failed', code: 'timeout' }, draining: false },
    warnings: [],
  }
  expect(await health.check()).toEqual(timeout)
  at.pass(1_000)
  expect(await health.check()).toEqual(timeout)
  expect(now).toHaveBeenCalledTimes(1)
  resolve(1)
  await promise
  now.mockRestore()
  await vi.waitFor(async () => {
    at.pass(1_000)
    expect((await health.check()).status).toBe('serving')
  })
})

test('a store that fails before it answers, or with what is no error of ours, is not there either', async () => {
  await using at = scene()
  vi.spyOn(at.store, 'now').mockImplementation(() => {
    throw new Error('broken')
  })
  expect((await new Health(at).check()).checks.store).toEqual({ status: 'failed', code: 'unknown' })
})

test('draining, it is not ready, whatever the store says, and lives', async () => {
  await using at = scene()
  const health = new Health(at)
  health.drain()
  const answer = await readyzHandler(health)(get('/readyz'))
  expect([answer.status, await answer.json()]).toEqual([
    503,
    { status: 'not-ready', checks: { store: { status: 'ok' }, draining: true } },
  ])
  expect(health.status()).toBe('not-serving')
  const alive = await livezHandler()(get('/livez'))
  expect([alive.status, await alive.json()]).toEqual([200, { status: 'alive' }])
})

test('probes are reads', async () => {
  await using at = scene()
  for (const handler of [livezHandler(), readyzHandler(new Health(at))]) {
    const head = await handler(get('/', 'HEAD'))
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect((await handler(get('/', 'POST'))).status).toBe(405)
  }
})

test('who watches hears the status, and each change, until the end', async () => {
  await using at = scene()
  let look: () => void = () => undefined
  const platform = {
    ...at.platform,
    setTimer(delayMs: number, run: () => void, hold: 'holds' | 'idle') {
      if (delayMs !== 77) return at.platform.setTimer(delayMs, run, hold)
      look = run
      return { cancel: () => undefined }
    },
  }
  const now = vi.spyOn(at.store, 'now')
  const health = new Health({ store: at.store, platform }, { watchEveryMs: 77 })
  const seen = health.watch(new AbortController().signal)
  expect(await seen.next()).toEqual({ value: 'serving', done: false })
  now.mockRejectedValue(away)
  const lost = seen.next()
  await vi.waitFor(() => {
    at.pass(1_000)
    look()
    expect(health.status()).toBe('not-serving')
  })
  expect(await lost).toEqual({ value: 'not-serving', done: false })
  now.mockRestore()
  const back = seen.next()
  await vi.waitFor(() => {
    at.pass(1_000)
    look()
    expect(health.status()).toBe('serving')
  })
  expect(await back).toEqual({ value: 'serving', done: false })
  const draining = seen.next()
  health.drain()
  expect(await draining).toEqual({ value: 'not-serving', done: false })
  const end = seen.next()
  health.close()
  expect(await end).toEqual({ value: undefined, done: true })
})

test('a watch ends with its signal, also while it waits', async () => {
  await using at = scene()
  const stop = new AbortController()
  const seen = new Health(at).watch(stop.signal)
  await seen.next()
  const next = seen.next()
  stop.abort()
  expect(await next).toEqual({ value: undefined, done: true })
})
