/** What crash tests found out, and what one can ask of it. */
import type { TaskId, TaskState } from '../store/records.ts'
import type { Interruption } from './points.ts'

/** A call of what a handler does to the world. */
export interface Effect {
  readonly name: string
  readonly args: readonly unknown[]
  /** Calls of one name and key are one effect; `null`: each call is one. */
  readonly key: string | null
  /** Which run of the task called it, from 1; 0: a run of another task. */
  readonly run: number
}

/** How a task ended. */
export interface Ending {
  readonly id: TaskId
  readonly type: string
  readonly state: TaskState
  /** What it returned; `undefined` if it did not succeed. */
  readonly result: unknown
  readonly error: string | null
}

/** One life of the task: undisturbed, or interrupted at one point. */
export interface CrashScenario {
  /** `null`: undisturbed. */
  readonly interruption: Interruption | null
  /** In the order in which they took place. */
  readonly effects: readonly Effect[]
  /** How the task ended. */
  readonly ending: Ending
  /** How those ended that it enqueued, by type and id. */
  readonly children: readonly Ending[]
  /** How often its handler was called. */
  readonly runs: number
}

/** A promise that a handler does not keep, with each interruption that shows it. */
export class CrashAssertionError extends Error {
  override readonly name = 'CrashAssertionError'
  /** Where it is not kept. */
  readonly scenarios: readonly CrashScenario[]

  constructor(message: string, scenarios: readonly CrashScenario[]) {
    super(message)
    this.scenarios = scenarios
  }
}

/** How many broken scenarios an error spells out. */
const TOLD_MAX = 10

/** What took place in each run of a crash test, and assertions about it. */
export class CrashReport {
  /** The undisturbed one first. */
  readonly scenarios: readonly CrashScenario[]

  constructor(scenarios: readonly CrashScenario[]) {
    this.scenarios = scenarios
  }

  get undisturbed(): CrashScenario {
    return this.scenarios[0]!
  }

  /**
   * However it was interrupted, exactly those effects took place that do undisturbed, each once.
   *
   * @param names of the effects; default: all
   * @throws CrashAssertionError
   */
  assertOnce(...names: readonly string[]): void {
    const expected = countOf(this.undisturbed, names)
    this.assertEach('an effect did not take place exactly once', (scenario) => {
      const found = countOf(scenario, names)
      for (const [effect, times] of expected) {
        const took = found.get(effect) ?? 0
        if (took !== times) return `${effect} took place ${often(took)} instead of ${often(times)}`
      }
      for (const [effect, times] of found)
        if (!expected.has(effect)) return `${effect} took place ${often(times)}, and never does undisturbed`
      return null
    })
  }

  /**
   * However it was interrupted, the task and all that it enqueued end as they do undisturbed, and nothing else is enqueued.
   *
   * @throws CrashAssertionError
   */
  assertSameEnding(): void {
    const expected = endingsOf(this.undisturbed)
    this.assertEach('it did not end as it does undisturbed', (scenario) => {
      const found = endingsOf(scenario)
      return found === expected ? null : `${found} instead of ${expected}`
    })
  }

  /**
   * A question of your own about each scenario.
   *
   * @param claim what is wrong if one does not hold, for the error
   * @param check answers what is wrong with a scenario; `null`: nothing
   * @throws CrashAssertionError
   */
  assertEach(claim: string, check: (scenario: CrashScenario) => string | null): void {
    const broken = this.scenarios.flatMap((scenario) => {
      const problem = check(scenario)
      return problem === null ? [] : [{ scenario, problem }]
    })
    if (broken.length === 0) return
    const lines = broken
      .slice(0, TOLD_MAX)
      .map(({ scenario, problem }) => `  ${titleOf(scenario)}: ${problem}`)
    if (broken.length > TOLD_MAX) lines.push(`  … and ${broken.length - TOLD_MAX} more`)
    throw new CrashAssertionError(
      `In ${broken.length} of ${this.scenarios.length} scenarios ${claim}:\n${lines.join('\n')}`,
      broken.map(({ scenario }) => scenario),
    )
  }
}

const DEEDS = { kill: 'killed', lose: 'lease lost', twice: 'run twice at once' } as const

function titleOf({ interruption }: CrashScenario): string {
  if (interruption === null) return 'undisturbed'
  return `${DEEDS[interruption.kind]} ${interruption.place} (point ${interruption.point})`
}

/** How often each effect took place; under one key it is one, however often it is called. */
function countOf({ effects }: CrashScenario, names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { name, args, key } of effects) {
    if (names.length > 0 && !names.includes(name)) continue
    const effect = `${name}(${key ?? args.map((arg) => JSON.stringify(arg)).join(', ')})`
    counts.set(effect, key === null ? (counts.get(effect) ?? 0) + 1 : 1)
  }
  return counts
}

function endingsOf({ ending, children }: CrashScenario): string {
  return [ending, ...children]
    .map(
      ({ type, state, result }) =>
        `${type} ${state}${result === undefined ? '' : ` with ${JSON.stringify(result)}`}`,
    )
    .join(', ')
}

function often(times: number): string {
  if (times === 0) return 'never'
  if (times === 1) return 'once'
  return times === 2 ? 'twice' : `${times} times`
}
