/** Attacks in small: memory stays within what the limits say, and somebody else is served meanwhile. */
import { expect, test } from 'vitest'
import { abuse } from './abuse.ts'

/**
 * MiB: a server that does nothing has 250 at the most, each of REST's bodies, REST's answers and gRPC may hold 256, and as
 * much again is there until it is collected.
 */
const RSS_MAX = 1_200

test.each(['slow writers', 'rapid resets'])(
  '%s: memory is bounded, and a client that does no harm is served',
  { timeout: 120_000 },
  async (attack) => {
    const { rss, failures } = await abuse({ attack, seconds: 1 })
    expect(failures.slice(0, 5)).toEqual([])
    expect(rss.before).toBeGreaterThan(0)
    expect(rss.peak).toBeLessThan(RSS_MAX)
  },
)
