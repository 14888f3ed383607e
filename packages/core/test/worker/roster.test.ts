/** What a busy worker holds, and that it lets go of it. */
import { runInNewContext } from 'node:vm'
import { setFlagsFromString } from 'node:v8'
import { expect, test } from 'vitest'
import { Roster } from '../../src/worker/roster.ts'

test('what is held stays, in its order, however much came and went', () => {
  const roster = new Roster<number, string>()
  for (let n = 0; n < 5_000; n++) {
    roster.set(n, `${n}`)
    if (n >= 3) roster.delete(n - 3)
    roster.delete(-1)
    expect(roster.size).toBe(Math.min(n + 1, 3))
  }
  expect(roster.values()).toEqual(['4997', '4998', '4999'])
  expect([roster.get(4_999), roster.has(4_999), roster.get(1), roster.has(1)]).toEqual([
    '4999',
    true,
    undefined,
    false,
  ])
})

test('a list of it does not change with it', () => {
  const roster = new Roster<number, number>()
  for (let n = 0; n < 3_000; n++) roster.set(n, n)
  for (const n of roster.values()) roster.delete(n)
  expect(roster.size).toBe(0)
})

test('what is held no more goes with a collection of young objects, also behind a full one', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (how?: { readonly type: 'minor' }) => void
  const roster = new Roster<number, number[]>()
  const churn = (from: number, count: number): void => {
    for (let n = from; n < from + count; n++) {
      roster.set(
        n,
        Array.from({ length: 100 }, () => n),
      )
      roster.delete(n - 100)
    }
  }
  churn(0, 1_000)
  collect()
  const before = process.memoryUsage().heapUsed
  churn(1_000, 40_000)
  for (let times = 0; times < 3; times++) collect({ type: 'minor' })
  // a Map would keep two thirds of 40 000 lists of about 1 KB
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(8_000_000)
})
