/** A heart on its thread, before there is something to renew by: when that is opened, and who beats until then. */
import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { clockOrigin } from '../../src/platform/threads.ts'
import { Lodger } from '../../src/heart/lodging.ts'
import { Pulse } from '../../src/heart/pulse.ts'
import type { Word, News } from '../../src/heart/messages.ts'
import type { Port } from '../../src/platform/threads.ts'
import type { RenewAnswer, RenewRequest } from '../../src/store/port.ts'

const TTL = 12_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** The line, on which nothing takes time. */
class FakePort extends EventEmitter {
  readonly news: News[] = []
  closed = false

  postMessage(news: News): void {
    this.news.push(news)
  }

  close(): void {
    this.closed = true
  }

  say(word: Word): void {
    this.emit('message', word)
  }
}

const alive: RenewAnswer = { session: 'alive', now: 0, lost: [], cancelled: [], order: null }

function bench() {
  const port = new FakePort()
  const due: number[] = []
  const sent: (RenewRequest & { readonly atMs: number })[] = []
  const began = performance.now()
  const now = (): number => Math.round(performance.now() - began)
  const lodger = new Lodger(port as unknown as Port, () => void due.push(now()))
  const leases = {
    renew: async (request: RenewRequest) => {
      sent.push({ ...request, atMs: now() })
      return alive
    },
  }
  /** A life that was renewed so long ago. */
  const begin = (session: string, agoMs: number): Pulse => {
    const pulse = new Pulse()
    pulse.maxBlockMs = 60_000
    pulse.renewedAt = { monotonicMs: performance.now() - agoMs, wallMs: Date.now() - agoMs }
    port.say({ kind: 'begin', session, ttlMs: TTL, buffer: pulse.buffer, originMs: clockOrigin() })
    return pulse
  }
  return { port, due, sent, lodger, leases, begin }
}

test('what renews is opened when a quarter of the lease has passed since it was renewed, and not before', async () => {
  const { due, lodger, leases, begin, sent } = bench()
  const pulse = begin('s', 1_000)
  await vi.advanceTimersByTimeAsync(1_990)
  expect(due).toEqual([])
  await vi.advanceTimersByTimeAsync(20)
  expect(due.length).toBe(1)
  // it takes a moment to open; the near one beats as long as nobody else can
  expect(pulse.beater).toBe('near')
  await vi.advanceTimersByTimeAsync(500)
  expect(pulse.beater).toBe('near')
  lodger.beatBy(leases)
  expect(pulse.beater).toBe('far')
  // a main thread that is blocked: a third of the lease after it was renewed it is asked, and then renewed blind
  await vi.advanceTimersByTimeAsync(2_000)
  expect(sent.map(({ session, held }) => [session, held])).toEqual([['s', null]])
  expect(sent[0]!.atMs).toBeLessThan(TTL / 3 - 1_000 + 1_000 + 50)
})

test('where that is due already it is opened at once', async () => {
  const { due, begin } = bench()
  begin('s', TTL / 3)
  await vi.advanceTimersByTimeAsync(1)
  expect(due.length).toBe(1)
})

test('it is opened for the life that is there now, and not for one that has ended', async () => {
  const { port, due, begin, lodger, leases } = bench()
  begin('first', 0)
  await vi.advanceTimersByTimeAsync(1_000)
  port.say({ kind: 'end' })
  await vi.advanceTimersByTimeAsync(10_000)
  expect(due).toEqual([])
  const second = begin('second', 0)
  await vi.advanceTimersByTimeAsync(2_900)
  expect(due).toEqual([])
  await vi.advanceTimersByTimeAsync(200)
  expect(due.length).toBe(1)
  port.say({ kind: 'end' })
  lodger.beatBy(leases)
  expect(second.beater).toBe('near')
})

test('one that finds it open beats from the beginning', async () => {
  const { due, lodger, leases, begin } = bench()
  lodger.beatBy(leases)
  expect(begin('s', 0).beater).toBe('far')
  await vi.advanceTimersByTimeAsync(TTL)
  expect(due).toEqual([])
})

test('one that cannot be opened is told with the reason, and the near one goes on', async () => {
  const { port, lodger, begin } = bench()
  const pulse = begin('s', TTL)
  lodger.refuse(new Error('nobody there'))
  expect(port.news).toMatchObject([{ kind: 'refused', failure: { message: 'nobody there' } }])
  expect(port.closed).toBe(true)
  expect(pulse.beater).toBe('near')
})

test('a line that closes takes its timer with it', async () => {
  const { port, due, begin } = bench()
  begin('s', 0)
  port.emit('close')
  await vi.advanceTimersByTimeAsync(TTL)
  expect(due).toEqual([])
})
