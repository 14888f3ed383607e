/** Crash tests: a task lives once for each way and point at which its worker can be interrupted. */
import { durationMs, type Duration } from '../task/duration.ts'
import { InvalidArgumentError } from '../task/errors.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import type { Draft } from '../task/draft.ts'
import type { HandlerSource } from '../worker/options.ts'
import { CrashReport, type CrashScenario } from './crash-report.ts'
import { live } from './crash-life.ts'
import type { InterruptionKind } from './points.ts'

/** By what the other side of an effect knows a repeat. */
export interface EffectOptions<Args extends readonly unknown[]> {
  /**
   * What the other side knows a repeat by, as the idempotency key that you hand to it: calls of one key are one effect.
   * Default: each call is an effect of its own.
   */
  readonly key?: ((...args: Args) => string) | undefined
}

/** What handlers under test are made with. Each scenario has one of its own. */
export interface CrashKit {
  /**
   * A double of something that a handler does to the world: it is written down, and the run can be interrupted before
   * and after it. Time stands still until it has answered, for 30 s at most.
   */
  readonly effect: <Args extends readonly unknown[], R>(
    name: string,
    run: (...args: Args) => R | PromiseLike<R>,
    options?: EffectOptions<Args>,
  ) => (...args: Args) => Promise<R>
  /** Resolves when so much of the test's own time has passed: real timers know nothing of it. */
  readonly sleep: (duration: Duration) => Promise<void>
}

/** Makes the handlers for one scenario, with doubles of what they do to the world. */
export type CrashHandlers = (kit: CrashKit) => HandlerSource

/** What `crashTest` runs, how it interrupts that, and for how long. */
export interface CrashTestOptions {
  /** What is run: `charge.with({ order: 7 })`. */
  readonly task: Draft
  /** Its handler, and those of what it enqueues that are to run too. */
  readonly handlers: CrashHandlers
  /** How runs are interrupted. Default: in all three ways. */
  readonly kinds?: readonly InterruptionKind[] | undefined
  /** How much of the test's own time a scenario may take. Default 1 d; it costs next to none of yours. */
  readonly within?: Duration | undefined
}

const MEMBERS: Members<CrashTestOptions> = { task: true, handlers: true, kinds: true, within: true }
const KINDS: readonly InterruptionKind[] = ['kill', 'lose', 'twice']

/** More would take minutes: such a handler does too much for one task. */
const POINTS_MAX = 1_000

/**
 * Runs a task to its end undisturbed, and then once for each way to interrupt it at each point on its way: before and
 * after each await of `ctx` (checkpoint, enqueue, results, result) and of an effect, and when the handler has returned.
 * Another worker takes it over each time. It all happens in this process, on a store in memory and on time of its own.
 *
 * @throws InvalidArgumentError; Error if a scenario does not come to its end in time
 */
export async function crashTest(options: CrashTestOptions): Promise<CrashReport> {
  checkMembers(options, MEMBERS, 'crashTest')
  const { task, handlers, within = '1d' } = options
  const kinds = checkedKinds(options.kinds ?? KINDS)
  if (typeof handlers !== 'function')
    throw new InvalidArgumentError(`handlers is ${shown(handlers)}, which is no function.`, {
      hint: 'handlers: (kit) => [task.handler(…)], so that each scenario has doubles of its own.',
    })
  const limitMs = durationMs(within, 'within')
  const { scenario, places } = await live({ task, handlers, limitMs, plan: null })
  if (places.length > POINTS_MAX)
    throw new InvalidArgumentError(`The run has ${places.length} points to interrupt it at.`, {
      hint: `There may be ${POINTS_MAX}: test a smaller input.`,
    })
  const scenarios: CrashScenario[] = [scenario]
  for (const kind of kinds) {
    for (const [index, place] of places.entries()) {
      const plan = { kind, point: index + 1, place }
      scenarios.push((await live({ task, handlers, limitMs, plan })).scenario)
    }
  }
  return new CrashReport(scenarios)
}

function checkedKinds(kinds: readonly InterruptionKind[]): readonly InterruptionKind[] {
  const isList: boolean = Array.isArray(kinds)
  if (isList && kinds.every((kind) => KINDS.includes(kind))) return kinds
  throw new InvalidArgumentError(`kinds is ${shown(kinds)}.`, {
    hint: `It lists some of ${KINDS.join(', ')}.`,
  })
}
