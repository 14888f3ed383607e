import { expect, test } from 'vitest'
import { admittedAt, arrivalAfter, roomUnder, UNUSED, usageAfter } from '../../src/policy/limits.ts'
import { seededRandom } from '../../src/simulation/random.ts'
import type { Allowance, Rate, Usage } from '../../src/store/flow.ts'

/** The same rate told in another way: a bucket of tokens that fills steadily. */
class Bucket {
  readonly #rate: Rate
  #tokens: number
  #at = 0

  constructor(rate: Rate) {
    this.#rate = rate
    this.#tokens = rate.burst
  }

  take(now: number, cost: number): boolean {
    const { limit, perMs, burst } = this.#rate
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) * limit) / perMs)
    this.#at = now
    const price = Math.min(cost, burst)
    if (this.#tokens + 1e-7 < price) return false
    this.#tokens -= price
    return true
  }
}

test.each(Array.from({ length: 50 }, (_, seed) => seed))(
  'GCRA admits what a bucket of tokens admits (seed %i)',
  (seed) => {
    const random = seededRandom(seed)
    const rate: Rate = {
      limit: random.between(1, 50),
      perMs: random.between(1, 5_000),
      burst: random.between(1, 20),
    }
    const bucket = new Bucket(rate)
    let now = 1_000_000
    let arrivalAt = 0
    bucket.take(now, 0)
    for (let n = 0; n < 1_000; n++) {
      now += random.chance(0.5) ? 0 : random.between(0, Math.ceil((3 * rate.perMs) / rate.limit))
      const cost = random.between(1, 25)
      const admitted = admittedAt(rate, arrivalAt, { now, cost }) <= now
      expect(admitted, `start ${n} at ${now}, cost ${cost}`).toBe(bucket.take(now, cost))
      if (admitted) arrivalAt = arrivalAfter(rate, arrivalAt, { now, cost })
    }
  },
)

test('in no stretch of time more starts than the limit and one burst', () => {
  const random = seededRandom(7)
  const rate: Rate = { limit: 10, perMs: 1_000, burst: 5 }
  const starts: number[] = []
  let arrivalAt = 0
  for (let now = 0; now < 60_000; now += random.between(0, 40)) {
    if (admittedAt(rate, arrivalAt, { now, cost: 1 }) > now) continue
    arrivalAt = arrivalAfter(rate, arrivalAt, { now, cost: 1 })
    starts.push(now)
  }
  for (const [first, from] of starts.entries()) {
    for (let last = first; last < starts.length; last++) {
      const stretchMs = starts[last]! - from
      expect(last - first + 1).toBeLessThanOrEqual(rate.burst + (stretchMs * rate.limit) / rate.perMs + 1e-6)
    }
  }
  expect(starts.length).toBeGreaterThan(590)
})

test('the time that it names is the first at which a task is admitted', () => {
  const rate: Rate = { limit: 3, perMs: 1_000, burst: 2 }
  let arrivalAt = 0
  for (let n = 0; n < 2; n++) arrivalAt = arrivalAfter(rate, arrivalAt, { now: 500, cost: 1 })
  const at = admittedAt(rate, arrivalAt, { now: 500, cost: 1 })
  expect(at).toBeCloseTo(500 + 1_000 / 3, 6)
  expect(admittedAt(rate, arrivalAt, { now: Math.floor(at), cost: 1 })).toBeGreaterThan(Math.floor(at))
  expect(admittedAt(rate, arrivalAt, { now: Math.ceil(at), cost: 1 })).toBe(Math.ceil(at))
})

const open = (allowance: Partial<Allowance>): { allowance: Allowance; shutUntil: number } => ({
  allowance: { concurrency: null, rate: null, ...allowance },
  shutUntil: 0,
})
const task = { now: 1_000, cost: 1 }

test.each<[string, ReturnType<typeof open>, Usage, ReturnType<typeof roomUnder>]>([
  ['nothing is limited', open({}), { ...UNUSED, used: 99 }, { free: true }],
  ['a slot is left', open({ concurrency: 2 }), { ...UNUSED, used: 1 }, { free: true }],
  ['none is', open({ concurrency: 2 }), { ...UNUSED, used: 2 }, { free: false, againAt: null }],
  ['none ever was', open({ concurrency: 0 }), UNUSED, { free: false, againAt: null }],
  ['the limit is shut', { ...open({}), shutUntil: 1_500 }, UNUSED, { free: false, againAt: 1_500 }],
  ['it was shut until now', { ...open({}), shutUntil: 1_000 }, UNUSED, { free: true }],
  ['the key is shut', open({}), { ...UNUSED, shutUntil: 1_200 }, { free: false, againAt: 1_200 }],
  [
    'the rate is used up',
    open({ rate: { limit: 1, perMs: 100, burst: 1 } }),
    { ...UNUSED, arrivalAt: 1_050 },
    { free: false, againAt: 1_050 },
  ],
])('room under a limit: %s', (_, limit, usage, room) => {
  expect(roomUnder(limit, usage, task)).toEqual(room)
})

test('what is not limited is not counted', () => {
  expect(usageAfter(open({}).allowance, UNUSED, task)).toEqual(UNUSED)
  expect(usageAfter(open({ concurrency: 3 }).allowance, UNUSED, task)).toEqual({ ...UNUSED, used: 1 })
  const rate: Rate = { limit: 1, perMs: 100, burst: 1 }
  expect(usageAfter(open({ rate }).allowance, UNUSED, task)).toEqual({ ...UNUSED, arrivalAt: 1_100 })
})
