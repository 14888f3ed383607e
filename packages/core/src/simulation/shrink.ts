/** Makes the plan of a failing seed small: what is taken away as long as the same violation stays was not needed for it. */
import { IDLE_SCRIPT, type TaskPlan } from './task-plan.ts'
import { NO_FAULTS } from './process.ts'
import { simulate } from './simulate.ts'
import type { ViolationCode } from './checker.ts'
import type { Plan } from './plan.ts'

/** So many plans are tried at most. */
const TRIES_MAX = 600

/** The smallest plan that was found to fail the same way. */
export interface Shrunk {
  readonly plan: Plan
  /** How many plans were played for it. */
  readonly tries: number
}

/**
 * @param code what the plan leads to
 * @param fails whether another plan still leads to it; by default it is played and looked at
 */
export async function shrink(
  plan: Plan,
  code: ViolationCode,
  fails: (plan: Plan) => Promise<boolean> = (smaller) => leadsTo(smaller, code),
): Promise<Shrunk> {
  let best = plan
  let tries = 0
  for (let shrunk = true; shrunk;) {
    shrunk = false
    // one that was taken may make room for more of its kind: the search goes on behind it, in the smaller plan
    for (const candidate of reductions()) {
      for (let smaller = candidate.first(best); smaller !== null; smaller = candidate.next(best)) {
        if (tries === TRIES_MAX) return { plan: best, tries }
        tries += 1
        if (!(await fails(smaller))) continue
        best = smaller
        shrunk = true
        candidate.taken()
      }
    }
  }
  return { plan: best, tries }
}

async function leadsTo(plan: Plan, code: ViolationCode): Promise<boolean> {
  const { violations } = await simulate(plan)
  return violations.some((violation) => violation.code === code)
}

/** A way to make plans smaller, from large pieces to small ones. */
interface Reduction {
  first(plan: Plan): Plan | null
  next(plan: Plan): Plan | null
  /** The last one that it made was taken. */
  taken(): void
}

const LISTS = ['events', 'commands', 'schedules', 'tasks', 'workers'] as const

function reductions(): readonly Reduction[] {
  return [
    ...LISTS.map(withoutSome),
    eachOf((plan) =>
      Object.entries(plan.faults).flatMap(([fault, size]) => (size === 0 ? [] : [withoutFault(plan, fault)])),
    ),
    eachOf((plan) => plan.tasks.flatMap((task) => simpler(task).map((other) => withTask(plan, task, other)))),
  ]
}

/** Without half of a list, a quarter, and so on down to a single one. */
function withoutSome(list: (typeof LISTS)[number]): Reduction {
  let size = 0
  let from = 0
  const make = (plan: Plan): Plan | null => {
    while (size > 0 && from >= plan[list].length) {
      size = Math.floor(size / 2)
      from = 0
    }
    return size === 0 ? null : { ...plan, [list]: plan[list].toSpliced(from, size) }
  }
  return {
    first: (plan) => {
      size = plan[list].length
      from = 0
      return make(plan)
    },
    next: (plan) => {
      from += size
      return make(plan)
    },
    // what stood behind it has moved up
    taken: () => void (from -= size),
  }
}

/** One after the other, counted anew in each smaller plan. */
function eachOf(all: (plan: Plan) => readonly Plan[]): Reduction {
  let index = 0
  return {
    first: (plan) => {
      index = 0
      return all(plan)[0] ?? null
    },
    next: (plan) => all(plan)[++index] ?? null,
    taken: () => void (index -= 1),
  }
}

function withoutFault(plan: Plan, fault: string): Plan {
  return { ...plan, faults: { ...NO_FAULTS, ...plan.faults, [fault]: 0 } }
}

function withTask(plan: Plan, task: TaskPlan, other: TaskPlan): Plan {
  return { ...plan, tasks: plan.tasks.map((one) => (one === task ? other : one)) }
}

const PLAIN: Partial<TaskPlan> = {
  type: 'plain',
  level: 2,
  delayMs: 0,
  held: false,
  after: [],
  unique: null,
  timeoutMs: null,
  startByMs: null,
  deadlineMs: null,
  bulk: null,
  twiceAfterMs: null,
}

/** A task with one thing less. */
function simpler(task: TaskPlan): readonly TaskPlan[] {
  const members = Object.entries(PLAIN).filter(
    ([name, plain]) => JSON.stringify(task[name as keyof TaskPlan]) !== JSON.stringify(plain),
  )
  const script = Object.entries(IDLE_SCRIPT).filter(
    ([name, idle]) => JSON.stringify(task.script[name as keyof TaskPlan['script']]) !== JSON.stringify(idle),
  )
  return [
    ...members.map(([name, plain]) => ({ ...task, [name]: plain })),
    ...script.map(([name, idle]) => ({ ...task, script: { ...task.script, [name]: idle as unknown } })),
  ]
}
