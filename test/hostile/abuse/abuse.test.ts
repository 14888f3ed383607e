/** Attacks in small: memory stays within what the limits say, and somebody else is served meanwhile. */
import { expect, test } from 'vitest'
import { abuse } from './abuse.ts'

/**
 * MiB: a server that does nothing has 300 at the most, one credential may hold a quarter of 256 in bodies, messages and
 * answers each, and as much again is there until it is collected.
 */
const RSS_MAX = 700

// how long others wait is for the whole run to tell: on two processors with other tests on them it says nothing
test.each(['unfinished bodies', 'slow readers', 'rapid resets'])(
  '%s: memory is bounded, and a client that does no harm is served',
  { timeout: 120_000 },
  async (attack) => {
    const { rss, failures, through } = await abuse({ attack, seconds: 1, isLeftOver: false })
    expect(failures.slice(0, 5)).toEqual([])
    expect(through.connections).toBeGreaterThan(0)
    expect(rss.before).toBeGreaterThan(0)
    expect(rss.peak).toBeLessThan(RSS_MAX)
  },
)
