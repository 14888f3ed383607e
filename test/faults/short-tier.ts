/** The scenarios in small, as tests: the smallest sizes that can still fail. */
import { describe, expect, test } from 'vitest'
import type { Scenario, Verdict } from './scenarios/scenario.ts'

/** Always the same, so that a run of the tests can be repeated; `npm run test:faults` draws others. */
const SEED = 1
const LIMIT_MS = 120_000

let secondTries: Promise<Partial<Verdict>> = Promise.resolve({})

/** The scenarios one after the other, the engines of each at the same time. */
export function shortTier(scenarios: readonly Scenario[]): void {
  for (const scenario of scenarios) together([scenario])
}

/** All of them at the same time: those that mostly wait, and have no bounds of time that others could make them miss. */
export function together(scenarios: readonly Scenario[]): void {
  const trials = scenarios.flatMap((scenario) =>
    scenario.engines.map((engine) => [scenario.name, engine, scenario.passes, scenario] as const),
  )
  const names = scenarios.map(({ name }) => name)
  describe(`${names.join(', ')}`, () => {
    test.concurrent.each(trials)('%s on %s: %s', { timeout: LIMIT_MS }, async (_, engine, __, scenario) => {
      const trial = { engine, seed: SEED, size: scenario.sizes.short }
      const { problems, late = [] } = await scenario.run(trial)
      expect(problems.slice(0, 10)).toEqual([])
      if (late.length === 0) return
      // it may have had to wait for other tests, of which fewer go on by then: those that were late go one by one
      const again = (): Promise<Verdict> => scenario.run(trial)
      secondTries = secondTries.then(again, again)
      expect(await secondTries).toMatchObject({ problems: [], late: [] })
    })
  })
}

/** It is chance whether what goes wrong in so short a time befalls what is broken. */
const BROKEN_TRIES = 8
/** One try, on a busy machine. */
const TRY_MS = 60_000

/** Each scenario finds stores that are broken on purpose, else it would show nothing: on one engine, with the least to do. */
export function shortTierBroken(scenarios: readonly Scenario[]): void {
  for (const { name, engines, finds, sizes, run } of scenarios) {
    const engine = engines.find((one) => one === 'sqlite') ?? engines.at(-1)!
    test.concurrent.each(finds)(
      `${name} finds a store that is broken ($wound)`,
      { timeout: BROKEN_TRIES * TRY_MS },
      async ({ wound, says }) => {
        let found: readonly string[] = []
        for (let n = 0; n < BROKEN_TRIES && !found.some((problem) => says.test(problem)); n++)
          found = (await run({ engine, seed: SEED + n, size: sizes.short, wound })).problems
        expect(found.find((problem) => says.test(problem)) ?? found.join('\n')).toMatch(says)
      },
    )
  }
}
