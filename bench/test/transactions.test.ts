/** The proof in short: `node bench/src/transaction-kills.ts` is the whole of it. */
import { expect, test } from 'vitest'
import { prove } from '../src/transactions/proof.ts'

test.each(['postgres', 'sqlite'] as const)(
  'on %s rows and tasks agree, whoever was killed in the middle of a transaction',
  { timeout: 120_000 },
  async (engine) => {
    const { problems, ended, kills, serverKills, orders } = await prove({
      engine,
      transactions: 300,
      everyMs: 400,
    })
    expect(problems).toEqual([])
    expect(ended).toBeGreaterThanOrEqual(300)
    expect(kills + serverKills).toBeGreaterThan(0)
    expect(orders).toBeGreaterThan(50)
  },
)
