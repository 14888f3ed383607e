/** The heart on virtual time: what it asks, what it sends, and when it stops. */
import { expect, test } from 'vitest'
import { Heart, type Progress } from '../../src/heart/heart.ts'
import { Pulse } from '../../src/heart/pulse.ts'
import { seededRandom, VirtualTime } from '../../src/simulation/index.ts'
import { StoreError } from '../../src/index.ts'
import type { RenewAnswer, RenewRequest } from '../../src/store/port.ts'

const TTL = 15_000
const MAX_BLOCK = 60_000
const away = new StoreError('store-unavailable', 'away', { effect: 'unknown' })
const held: Progress = {
  held: [{ fence: { task: 't', epoch: 1, nonce: 'f'.repeat(16) }, started: true }],
  awaiting: ['e'.repeat(16)],
}

class Bench {
  readonly time = new VirtualTime(seededRandom(7))
  readonly pulse = new Pulse()
  readonly sent: (RenewRequest & { readonly atMs: number })[] = []
  readonly told: string[] = []
  /** Whether the main thread answers. */
  blocked = false
  #asked: string | undefined
  renew: (request: RenewRequest) => Promise<RenewAnswer> = async () => alive
  readonly heart: Heart

  constructor(as: 'near' | 'far' = 'near') {
    this.pulse.maxBlockMs = MAX_BLOCK
    this.pulse.renewedAt = { monotonicMs: 0, wallMs: this.time.platform().wallMs() }
    this.heart = new Heart({
      as,
      platform: this.time.platform(),
      renew: (request) => {
        this.sent.push({ ...request, atMs: this.time.nowMs })
        return this.renew(request)
      },
      ask: (session) => {
        if (this.blocked) this.#asked = session
        else this.heart.answered(session, held)
      },
      renewed: (_, { session }) => void this.told.push(session),
      failed: () => void this.told.push('failed'),
    })
    this.heart.begin({ session: 's', ttlMs: TTL, pulse: this.pulse })
  }

  /** The main thread is there again, and hears what it was asked. */
  unblock(): void {
    this.blocked = false
    if (this.#asked !== undefined) this.heart.answered(this.#asked, held)
    this.#asked = undefined
  }

  /** What was sent, in short. */
  get log(): string[] {
    return this.sent.map(({ held, seq, atMs }) => `${held === null ? 'blind' : 'lists'} ${seq} ${atMs}`)
  }
}

const alive: RenewAnswer = { session: 'alive', now: 0, lost: [], cancelled: [], order: null }

test('each third of the lease it lists what the worker holds', async () => {
  const { heart, sent, time, log: _, ...bench } = new Bench()
  await time.advance(TTL)
  expect(sent.map(({ seq, atMs }) => [seq, atMs])).toEqual([
    [1, 5_000],
    [2, 10_000],
    [3, 15_000],
  ])
  expect(sent[0]).toMatchObject({ session: 's', ttlMs: TTL, ...held })
  expect(bench.pulse.renewedAt.monotonicMs).toBe(15_000)
  heart.end()
  await time.advance(TTL)
  expect(sent.length).toBe(3)
})

test('a worker that does not answer within a second is renewed blind, and not waited for again', async () => {
  const bench = new Bench()
  bench.blocked = true
  await bench.time.advance(17_000)
  expect(bench.log).toEqual(['blind 1 6000', 'blind 1 11000', 'blind 1 16000'])
  expect(bench.sent[0]).toMatchObject({ held: null, awaiting: [] })
})

test('one that answers late is listed at once, and only once', async () => {
  const bench = new Bench()
  bench.blocked = true
  await bench.time.advance(7_500)
  bench.unblock()
  await bench.time.advance(5_000)
  expect(bench.log).toEqual(['blind 1 6000', 'lists 1 7500', 'lists 2 12500'])
})

test('an answer that comes while a blind renewal is under way is listed right behind it', async () => {
  const bench = new Bench()
  bench.renew = async (request) => {
    if (request.held === null)
      await new Promise<void>((resolve) => bench.time.at(bench.time.nowMs + 2_000, resolve))
    return alive
  }
  bench.blocked = true
  await bench.time.advance(7_000)
  bench.unblock()
  await bench.time.advance(2_000)
  expect(bench.log).toEqual(['blind 1 6000', 'lists 1 8000'])
})

test('one that answers in time is not renewed blind', async () => {
  const bench = new Bench()
  bench.blocked = true
  await bench.time.advance(5_900)
  bench.unblock()
  await bench.time.advance(1_000)
  expect(bench.log).toEqual(['lists 1 5900'])
})

test.each([0, 100, 2_500, 4_999])(
  'blocked from %i ms after its last answer: it keeps the lease for as long as it may, and no longer',
  async (lateMs) => {
    const bench = new Bench()
    await bench.time.advance(5_000 + lateMs) // answered at 5 000
    bench.blocked = true
    let gapMs = 0
    const end = bench.time.nowMs + MAX_BLOCK
    while (bench.time.nowMs < end) {
      await bench.time.advance(100)
      gapMs = Math.max(gapMs, bench.time.nowMs - bench.pulse.renewedAt.monotonicMs)
    }
    expect(gapMs).toBeLessThan(0.9 * TTL)
    await bench.time.advance(10 * MAX_BLOCK)
    expect(bench.sent.at(-1)!.atMs).toBeLessThanOrEqual(5_000 + MAX_BLOCK)
    bench.unblock()
    await bench.time.advance(1)
    expect(bench.sent.at(-1)).toMatchObject({ held: held.held, atMs: bench.time.nowMs - 1 })
  },
)

test('how long it may be blocked is asked for each time', async () => {
  const bench = new Bench()
  bench.blocked = true
  bench.pulse.maxBlockMs = 8_000
  await bench.time.advance(30_000)
  expect(bench.log).toEqual(['blind 1 6000'])
  bench.pulse.maxBlockMs = MAX_BLOCK
  await bench.time.advance(5_000)
  expect(bench.sent.length).toBe(2)
})

test('what fails is told, and tried again soon, with what is held by then', async () => {
  const bench = new Bench()
  bench.renew = () => Promise.reject(away)
  await bench.time.advance(7_500)
  expect(bench.log).toEqual(['lists 1 5000', 'lists 1 6000', 'lists 1 7000'])
  expect(bench.told).toEqual(['failed', 'failed', 'failed'])
  expect(bench.pulse.renewedAt.monotonicMs).toBe(0)
})

test('a dead session is told, and not trusted', async () => {
  const bench = new Bench()
  bench.renew = async () => ({ ...alive, session: 'dead' })
  await bench.time.advance(5_000)
  expect([bench.told, bench.pulse.renewedAt.monotonicMs]).toEqual([['dead'], 0])
})

test('what comes back after the end is told to nobody', async () => {
  const bench = new Bench()
  bench.renew = async () => {
    await new Promise<void>((resolve) => bench.time.at(bench.time.nowMs + 1_000, resolve))
    return alive
  }
  await bench.time.advance(5_500)
  bench.heart.end()
  await bench.time.advance(5_000)
  expect([bench.told, bench.pulse.renewedAt.monotonicMs]).toEqual([[], 0])
})

test('the far heart goes on where the near one was, which stops', async () => {
  const near = new Bench()
  await near.time.advance(12_000)
  const sent: number[][] = []
  const far: Heart = new Heart({
    as: 'far',
    platform: near.time.platform(),
    renew: async ({ seq }) => {
      sent.push([seq, near.time.nowMs])
      return alive
    },
    ask: (session) => far.answered(session, held),
    renewed: () => undefined,
    failed: () => undefined,
  })
  far.begin({ session: 's', ttlMs: TTL, pulse: near.pulse })
  await near.time.advance(10_000)
  expect(near.log).toEqual(['lists 1 5000', 'lists 2 10000'])
  expect(sent).toEqual([
    [3, 15_000],
    [4, 20_000],
  ])
})
