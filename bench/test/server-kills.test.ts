/** One round of what `server-kills.ts` does many of. */
import { expect, test } from 'vitest'
import { runOutage } from '../src/outages/outage.ts'
import { Ledger } from '../src/outages/ledger.ts'
import { ENGINES } from '../src/outages/server.ts'

test.each(ENGINES)(
  '%s is killed under load: nothing is lost or doubled, and workers go on',
  { timeout: 60_000 },
  async (engine) => {
    const { rounds, acknowledged, problems } = await runOutage({
      engine,
      rounds: 1,
      tasks: 1_000,
      downMs: () => 500,
    })
    expect(problems).toEqual([])
    expect(acknowledged).toBeGreaterThanOrEqual(2_000)
    expect(rounds).toHaveLength(1)
    for (const ms of rounds[0]!.resumedMs) expect(ms).toBeLessThan(3_000)
  },
)

test('the ledger finds what is lost, doubled or refused', () => {
  const ledger = new Ledger()
  ledger.hear({ kind: 'acknowledged', numbers: [1, 2, 3], at: 1 })
  ledger.hear({ kind: 'accepted', numbers: [1, 2], at: 2 })
  expect(ledger.problems(3)).toEqual(['1 acknowledged tasks were never ended: 3'])
  ledger.hear({ kind: 'accepted', numbers: [3, 3], at: 2 })
  expect(ledger.problems(3)).toEqual(['1 tasks were accepted twice: 3'])
  expect(ledger.problems(2)).toContain('the store has 2 succeeded tasks of 3')
  expect(ledger.problems(4)).toContain('the store has 4 succeeded tasks instead of 3')
  ledger.hear({ kind: 'refused', number: 4, known: 'nothing' })
  ledger.hear({ kind: 'refused', number: 5, known: 'not enqueued' })
  expect(ledger.problems(4)).toEqual(['1 tasks were accepted twice: 3'])
  expect(ledger.problems(5)).toContain('the store has 5 succeeded tasks instead of 3')
  ledger.hear({ kind: 'accepted', numbers: [4, 5], at: 3 })
  expect(ledger.problems(5)).toContain('task 5 was refused, and is there all the same')
})

test('the ledger excuses what a server may forget, and only that', () => {
  const ledger = new Ledger(1_000)
  ledger.hear({ kind: 'acknowledged', numbers: [1], at: 100 })
  ledger.hear({ kind: 'acknowledged', numbers: [2, 3], at: 4_900 })
  ledger.hear({ kind: 'accepted', numbers: [3], at: 4_950 })
  ledger.struck(5_000)
  ledger.hear({ kind: 'accepted', numbers: [3], at: 7_000 })
  expect(ledger.forgotten(1)).toBe(3)
  expect(ledger.problems(1)).toEqual([
    '1 acknowledged tasks were never ended: 1',
    'the store has 1 succeeded tasks of 3',
  ])
})
