/** What nobody should send, over both wires: no fault of the server, and what is refused changes nothing. */
import { expect, test } from 'vitest'
import { fuzz, type Wire } from './fuzz.ts'

/** Always the same; `test/hostile/main.ts` draws others. */
const SEED = 1
const REQUESTS = 1_500

test.each<Wire>(['rest', 'grpc'])(
  `${REQUESTS} requests over %s: no fault, no crash, and no trace of what was refused`,
  { timeout: 120_000 },
  async (wire) => {
    const { problems, fates } = await fuzz({ wire, requests: REQUESTS, seed: SEED })
    expect(problems.slice(0, 10)).toEqual([])
    // a fuzz that is always refused, or never, finds nothing
    expect(fates.accepted).toBeGreaterThan(REQUESTS / 20)
    expect(fates.refused).toBeGreaterThan(REQUESTS / 3)
  },
)
