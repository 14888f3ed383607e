/** Runs cases: all contenders in turn, again and again (A B A B …), and what comes out of it. */
import { runTrial, type Casting, type Trial } from './trial.ts'
import { undisturbed } from './measuring/neighbours.ts'
import { OURS, THROUGH_SERVER } from './side.ts'
import { spreadOf, type Spread } from './measuring/statistics.ts'
import { BEST_PEER, type Case, type Goal, type Load, type Metric } from './load.ts'
import type { Engine } from './engine.ts'
import type { Site } from './engines/site.ts'
import type { Table } from './measuring/profile.ts'

export interface Plan {
  readonly loads: readonly Load[]
  readonly engine: Engine
  /** Who takes part. Without ours, the loads that need it are left out. */
  readonly sides: readonly string[]
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

export async function runPlan(course: Course, finished: (result: Result) => void): Promise<Result[]> {
  const { plan, say } = course
  const results: Result[] = []
  for (const load of plan.loads) {
    for (const one of load.cases) {
      const hindrance = hindranceOf(one, plan)
      if (hindrance !== null) {
        say(`${one.name}: ${hindrance}`)
        continue
      }
      const result = await runCase(load, one, course)
      results.push(result)
      finished(result)
    }
  }
  return results
}

export interface Course {
  readonly plan: Plan
  readonly site: Site
  readonly say: Say
}

function hindranceOf({ engines, contenders }: Case, { engine, sides }: Plan): string | null {
  if (!engines.includes(engine)) return `not on ${engine}`
  return contenders === 'sides' || sides.includes(OURS) ? null : `not without ${OURS}`
}

async function runCase(load: Load, one: Case, { plan, site, say }: Course): Promise<Result> {
  const { engine, quick } = plan
  const names = one.contenders === 'sides' ? plan.sides : one.contenders
  const trials = new Map<string, (Trial | null)[]>(names.map((name) => [name, []]))
  const failures: string[] = []
  for (let iteration = 1; iteration <= plan.iterations; iteration++) {
    for (const contender of names) {
      say(`${one.name}: ${contender}, ${iteration} of ${plan.iterations}`)
      const casting: Casting = {
        contender,
        engine,
        quick,
        profiled: plan.profiled || contender === 'profiled',
      }
      try {
        const trial = (): Promise<Trial> => runTrial(one, casting, site)
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
  const metrics = one.metrics.filter(({ engines }) => engines?.includes(engine) ?? true)
  const goals = (one.goals[engine] ?? []).flatMap(
    (goal) => goalResult(goal, contenders, ratiosFor(goal, metrics, ratios)) ?? [],
  )
  const { about } = one
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

/** Those that a goal is about. Against the best peer: the one that is the worst for us. */
function ratiosFor(goal: Goal, metrics: readonly Metric[], ratios: readonly Ratio[]): readonly Ratio[] {
  const ours = ratios.filter(({ metric, of }) => metric === goal.metric && of === goal.of)
  if (goal.against !== BEST_PEER) return ours.filter(({ against }) => against === goal.against)
  const more = metrics.find(({ key }) => key === goal.metric)?.better === 'more'
  const peers = ours.filter(({ against }) => against !== THROUGH_SERVER)
  const sorted = peers.toSorted((a, b) => a.spread.median - b.spread.median)
  return more ? sorted.slice(0, 1) : sorted.slice(-1)
}

function goalResult(
  goal: Goal,
  contenders: readonly ContenderResult[],
  ratios: readonly Ratio[],
): GoalResult | null {
  const { metric, of, against, atLeast = -Infinity, atMost = Infinity } = goal
  const spread =
    against === undefined ? contenders.find(({ name }) => name === of)?.figures[metric] : ratios[0]?.spread
  if (spread === undefined) return null
  const value = spread.median
  return { ...goal, value, met: value >= atLeast && value <= atMost }
}
