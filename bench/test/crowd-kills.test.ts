/** A short run of what `crowd-kills.ts` does for longer. */
import { expect, test } from 'vitest'
import { gather } from '../src/crowd/crowd.ts'
import { judgeKeys } from '../src/crowd/key-judge.ts'
import { judgeLimits } from '../src/crowd/limit-judge.ts'
import { crowded } from '../src/crowd/spans.ts'
import { ENGINES } from '../../test/servers/stage.ts'

test.each(ENGINES)(
  'on %s no key is ever held by two, though producers and workers are killed',
  { timeout: 90_000 },
  async (engine) => {
    const plan = { play: 'keys', engine, kills: 6, everyMs: 500, seed: 7 } as const
    const { held, problems } = await gather(plan, judgeKeys)
    expect(problems).toEqual([])
    // however slow the machine is: where nobody held anything, nothing was shown
    for (const type of ['live', 'waiting', 'windowed']) expect(held.get(type) ?? 0).toBeGreaterThan(0)
  },
)

test.each(ENGINES)(
  'on %s no limit is exceeded and no order broken, though producers and workers are killed',
  { timeout: 90_000 },
  async (engine) => {
    const plan = { play: 'limits', engine, kills: 6, everyMs: 500, seed: 7 } as const
    const { claims, problems } = await gather(plan, judgeLimits)
    expect(problems).toEqual([])
    for (const type of ['limited', 'rated', 'ordered']) expect(claims.get(type) ?? 0).toBeGreaterThan(10)
  },
)

test('what is held by more than may be at once is found', () => {
  const span = (holder: string, from: number, to: number) => ({ key: 'k', holder, from, to })
  expect(crowded([span('a', 0, 10), span('b', 10, 20), span('c', 20, 30)])).toEqual([])
  expect(crowded([span('a', 0, 11), span('b', 10, 20)])).toEqual(['k at 10: a (0 to 11), b (10 to 20)'])
  expect(crowded([span('a', 0, 11), { ...span('b', 10, 20), key: 'other' }])).toEqual([])
  const three = [span('a', 0, 11), span('b', 10, 20), span('c', 10, 12)]
  expect(crowded(three, 2)).toHaveLength(1)
  expect(crowded(three, 3)).toEqual([])
})
