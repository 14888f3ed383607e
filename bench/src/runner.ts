/** Runs cases: all contenders in turn, again and again (A B A B …), and what comes out of it. */
import { runTrial, type Trial } from './trial.ts'
import { undisturbed } from './measuring/neighbours.ts'
import { OURS, type Engine } from './side.ts'
import { spreadOf, type Spread } from './measuring/statistics.ts'
import type { Case, Goal, Load, Metric } from './load.ts'
import type { Table } from './measuring/profile.ts'

export interface Plan {
  readonly loads: readonly Load[]
  readonly engine: Engine
  readonly against: readonly string[]
  readonly iterations: number
  readonly quick: boolean
  readonly profiled: boolean
  /** Waits for the machine to be quiet, and repeats what others disturbed. */
  readonly patient: boolean
}

export interface Result {
  readonly load: string
  readonly case: string
  readonly about: string
  readonly metrics: readonly Metric[]
  readonly contenders: readonly ContenderResult[]
  readonly ratios: readonly Ratio[]
  readonly goals: readonly GoalResult[]
  readonly failures: readonly string[]
}

export interface ContenderResult {
  readonly name: string
  /** By the key of the metric. */
  readonly figures: Readonly<Record<string, Spread>>
  /** Of the last iteration. */
  readonly tables: readonly Table[]
}

/** Of figures of the same iteration, one divided by the other. */
export interface Ratio {
  readonly metric: string
  readonly of: string
  readonly against: string
  readonly spread: Spread
}

export interface GoalResult extends Goal {
  readonly value: number
  readonly met: boolean
}

/** Says what is going on. */
export type Say = (line: string) => void

export async function runPlan(plan: Plan, say: Say, finished: (result: Result) => void): Promise<Result[]> {
  const results: Result[] = []
  for (const load of plan.loads) {
    for (const one of load.cases) {
      if (!one.engines.includes(plan.engine)) {
        say(`${one.name}: not on ${plan.engine}`)
        continue
      }
      const result = await runCase(load, one, { plan, say })
      results.push(result)
      finished(result)
    }
  }
  return results
}

interface Course {
  readonly plan: Plan
  readonly say: Say
}

async function runCase(load: Load, one: Case, { plan, say }: Course): Promise<Result> {
  const names = one.contenders === 'sides' ? [OURS, ...plan.against] : one.contenders
  const trials = new Map<string, (Trial | null)[]>(names.map((name) => [name, []]))
  const failures: string[] = []
  for (let iteration = 1; iteration <= plan.iterations; iteration++) {
    for (const contender of names) {
      say(`${one.name}: ${contender}, ${iteration} of ${plan.iterations}`)
      const { engine, quick } = plan
      const profiled = plan.profiled || contender === 'profiled'
      try {
        const trial = (): Promise<Trial> => runTrial(one, { contender, engine, quick, profiled })
        trials.get(contender)!.push(await (plan.patient ? undisturbed(trial, say) : trial()))
      } catch (error) {
        failures.push(
          `${one.name}, ${contender}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        )
        trials.get(contender)!.push(null)
      }
    }
  }
  const contenders = names.map((name) => contenderResult(name, one, trials.get(name)!))
  const ratios = pairs(names, one.ratios).flatMap(([of, against]) =>
    ratiosOf(one, { of, against }, [trials.get(of)!, trials.get(against)!]),
  )
  const goals = one.goals.flatMap((goal) => goalResult(goal, contenders, ratios) ?? [])
  const { metrics, about } = one
  return { load: load.name, case: one.name, about, metrics, contenders, ratios, goals, failures }
}

function contenderResult(
  name: string,
  { metrics }: Case,
  trials: readonly (Trial | null)[],
): ContenderResult {
  const done = trials.filter((trial) => trial !== null)
  const figures = Object.fromEntries(
    metrics.flatMap(({ key }) => {
      const values = done.flatMap((trial) => trial.figures[key] ?? [])
      return values.length === 0 ? [] : [[key, spreadOf(values)]]
    }),
  )
  return { name, figures, tables: done.at(-1)?.tables ?? [] }
}

function pairs(
  names: readonly string[],
  ratios: Case['ratios'],
): readonly (readonly [of: string, against: string])[] {
  const [first, ...others] = names
  return others.map((other) => (ratios === 'first / others' ? [first!, other] : [other, first!]))
}

function ratiosOf(
  { metrics }: Case,
  { of, against }: { readonly of: string; readonly against: string },
  [ofTrials, againstTrials]: readonly [readonly (Trial | null)[], readonly (Trial | null)[]],
): Ratio[] {
  return metrics.flatMap(({ key }) => {
    const values = ofTrials.flatMap((trial, index) => {
      const dividend = trial?.figures[key]
      const divisor = againstTrials[index]?.figures[key]
      return dividend === undefined || divisor === undefined ? [] : [dividend / divisor]
    })
    return values.length === 0 ? [] : [{ metric: key, of, against, spread: spreadOf(values) }]
  })
}

function goalResult(
  goal: Goal,
  contenders: readonly ContenderResult[],
  ratios: readonly Ratio[],
): GoalResult | null {
  const { metric, of, against, atLeast = -Infinity, atMost = Infinity } = goal
  const spread =
    against === undefined
      ? contenders.find(({ name }) => name === of)?.figures[metric]
      : ratios.find((ratio) => ratio.metric === metric && ratio.of === of && ratio.against === against)
          ?.spread
  if (spread === undefined) return null
  const value = spread.median
  return { ...goal, value, met: value >= atLeast && value <= atMost }
}
