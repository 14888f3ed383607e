/**
 * The scenarios of faults, whole: `npm run test:faults -- [--only NAME]… [--engine ENGINE]… [--seeds N] [--seed FIRST]
 * [--size short|whole] [--broken] [--tasks N]`. With `--broken` each runs on stores that are broken on purpose, which it
 * has to find. With `--tasks` those that kill run again and again, until so many tasks went through them. Ends with a
 * table, and with exit code 1 if anything failed; a seed repeats what was drawn.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { SCENARIOS } from './scenarios/all.ts'
import type { Scenario, Trial, Verdict } from './scenarios/scenario.ts'

const SEEDS = 2 ** 31
/** Those that kill processes or servers. */
const KILLING = ['kills', 'outages']
const PROBLEMS_SHOWN = 5

interface Row {
  readonly scenario: string
  readonly engine: string
  readonly seed: number
  readonly tasks: number
  readonly seconds: number
  readonly figures: string
  readonly verdict: string
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    engine: { type: 'string', multiple: true },
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string' },
    size: { type: 'string', default: 'whole' },
    broken: { type: 'boolean', default: false },
    tasks: { type: 'string' },
  },
})
const [seeds, first] = [Number(values.seeds), Number(values.seed ?? randomInt(SEEDS))]
if (![seeds, first].every(Number.isInteger)) throw new Error('--seeds and --seed take a whole number.')
const size = values.size
if (size !== 'short' && size !== 'whole') throw new Error('--size is short or whole.')
const known = SCENARIOS.map(({ name }) => name)
const unknown = values.only?.find((name) => !known.includes(name))
if (unknown !== undefined) throw new Error(`There is no scenario ${unknown}: ${known.join(', ')}.`)

const rows: Row[] = []
if (values.tasks === undefined) await once(values.only ?? known)
else await untilTasks(Number(values.tasks), values.only ?? KILLING)
table()
if (rows.some(({ verdict }) => verdict !== 'pass')) process.exitCode = 1

async function once(names: readonly string[]): Promise<void> {
  for (const scenario of SCENARIOS.filter(({ name }) => names.includes(name)))
    for (const engine of enginesOf(scenario))
      for (let n = 0; n < seeds; n++) await run(scenario, { engine, seed: first + n })
}

async function untilTasks(most: number, names: readonly string[]): Promise<void> {
  if (!Number.isInteger(most)) throw new Error('--tasks takes a whole number.')
  let tasks = 0
  for (let n = 0; tasks < most; n++) {
    for (const scenario of SCENARIOS.filter(({ name }) => names.includes(name))) {
      for (const engine of enginesOf(scenario)) {
        if (tasks >= most) break
        tasks += await run(scenario, { engine, seed: first + n })
      }
    }
    say(`${tasks} of ${most} tasks`)
  }
}

function enginesOf({ engines }: Scenario): readonly Trial['engine'][] {
  return engines.filter((engine) => values.engine?.includes(engine) ?? true)
}

/** @returns how many tasks went through it */
async function run(scenario: Scenario, trial: Pick<Trial, 'engine' | 'seed'>): Promise<number> {
  if (!values.broken) {
    const { verdict } = await tried(
      scenario,
      { ...trial, size: scenario.sizes[size as 'short'] },
      (problems) => (problems.length === 0 ? 'pass' : `FAIL: ${problems.length} problems`),
    )
    return verdict?.tasks ?? 0
  }
  for (const { wound, says } of scenario.finds)
    await tried(scenario, { ...trial, size: scenario.sizes.short, wound }, (problems) =>
      problems.some((problem) => says.test(problem)) ? 'pass' : 'FAIL: not found',
    )
  return 0
}

async function tried(
  scenario: Scenario,
  trial: Trial,
  judge: (problems: readonly string[]) => string,
): Promise<{ readonly verdict: Verdict | undefined }> {
  const begun = performance.now()
  const verdict = await scenario.run(trial).catch((error: unknown) => {
    say(`  ${String(error)}`)
    return undefined
  })
  const { tasks = 0, figures = {}, late = [] } = verdict ?? {}
  const problems = [...(verdict?.problems ?? ['it did not come to its end']), ...late]
  const row: Row = {
    scenario: trial.wound === undefined ? scenario.name : `${scenario.name}, ${trial.wound}`,
    engine: trial.engine,
    seed: trial.seed,
    tasks,
    seconds: Math.round((performance.now() - begun) / 1_000),
    figures: Object.entries(figures)
      .map(([name, figure]) => `${name} ${figure}`)
      .join(', '),
    verdict: judge(problems),
  }
  rows.push(row)
  say(lineOf(row))
  if (row.verdict !== 'pass' || values.broken)
    for (const problem of problems.slice(0, values.broken ? 1 : PROBLEMS_SHOWN)) say(`  ${problem}`)
  return { verdict }
}

function table(): void {
  say('\n| scenario | engine | seed | tasks | s | figures | |\n|---|---|---|---|---|---|---|')
  for (const row of rows) say(lineOf(row))
  const tasks = rows.reduce((sum, row) => sum + row.tasks, 0)
  const failed = rows.filter(({ verdict }) => verdict !== 'pass').length
  say(`\n${rows.length} runs, ${tasks} tasks, ${failed} failed`)
}

function lineOf({ scenario, engine, seed, tasks, seconds, figures, verdict }: Row): string {
  return `| ${scenario} | ${engine} | ${seed} | ${tasks} | ${seconds} | ${figures} | ${verdict} |`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
