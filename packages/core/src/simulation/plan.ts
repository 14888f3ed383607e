/** What one seed draws: who takes part, what is to be done, and what goes wrong. Plain data, so that it can be shrunk. */
import { NO_FAULTS, type Faults } from './process.ts'
import { seededRandom, type SeededRandom } from './random.ts'
import { drawTask, type TaskPlan } from './task-plan.ts'

/** What a seed may draw beside plain tasks, each by a chance of its own. */
export const FEATURES = [
  'bulk',
  'cancels',
  'checkpoints',
  'children',
  'clocks',
  'commands',
  'cuts',
  'deadlines',
  'delays',
  'failovers',
  'failures',
  'flows',
  'kills',
  'lateness',
  'limits',
  'losses',
  'order',
  'partitions',
  'pauses',
  'priorities',
  'rates',
  'repeats',
  'schedules',
  'slowness',
  'snoozes',
  'stops',
  'timeouts',
  'unique',
] as const
/** What a plan may be about. */
export type Feature = (typeof FEATURES)[number]

/** What one seed draws: processes, tasks, commands and faults. It is plain data, and the same plan plays the same way. */
export interface Plan {
  readonly seed: number
  readonly ttlMs: number
  /** How long the client waits for the store. */
  readonly patienceMs: number
  readonly chaosMs: number
  readonly faults: Faults
  readonly workers: readonly WorkerPlan[]
  readonly tasks: readonly TaskPlan[]
  readonly commands: readonly CommandPlan[]
  readonly schedules: readonly SchedulePlan[]
  /** What runs at once under each key of the limit `slots`. */
  readonly slots: number
  /** What starts in a second under each key of the limit `pace`, and at once. */
  readonly pace: number
  readonly events: readonly EventPlan[]
}

/** A worker of a plan. */
export interface WorkerPlan {
  readonly startsAtMs: number
  readonly concurrency: number
  readonly wallOffsetMs: number
}

/** A command of an operator, and when it is given. */
export interface CommandPlan {
  readonly atMs: number
  readonly kind: 'cancel' | 'retry' | 'remove' | 'hold' | 'release' | 'priority'
  readonly task: string
}

/** A schedule of a plan. */
export interface SchedulePlan {
  readonly atMs: number
  readonly name: string
  readonly everyS: number
  readonly overlap: 'allow' | 'skip' | 'queue' | 'replace'
  readonly missed: 'one' | 'none' | 'all'
  readonly takesMs: number
}

/** What befalls a process or the network, when, and for how long; times are milliseconds from the beginning. */
export type EventPlan =
  /** Of the worker in this place; a killed or stopped one is followed by another. */
  | {
      readonly kind: 'kill' | 'pause' | 'cut' | 'stop'
      readonly atMs: number
      readonly worker: number
      readonly forMs: number
    }
  | { readonly kind: 'wall'; readonly atMs: number; readonly worker: number; readonly byMs: number }
  /** The engine's clock jumps. */
  | { readonly kind: 'clock'; readonly atMs: number; readonly byMs: number }
  /** The store goes back in time. */
  | { readonly kind: 'failover'; readonly atMs: number; readonly backMs: number }

/**
 * The plan of a seed.
 *
 * @param only these features and no others, instead of those that the seed draws
 */
export function drawPlan(seed: number, only: readonly Feature[] | null = null): Plan {
  const random = seededRandom(seed)
  const chosen = new Set(
    FEATURES.filter((feature) => random.chance(0.4) && (only === null || only.includes(feature))),
  )
  const has = (feature: Feature): boolean => chosen.has(feature) || only?.includes(feature) === true
  const chaosMs = random.between(3_000, 12_000)
  const workers = Array.from({ length: random.between(1, 3) }, (_, index): WorkerPlan => ({
    startsAtMs: index === 0 ? 0 : random.between(0, chaosMs / 2),
    concurrency: random.between(1, 5),
    wallOffsetMs: has('clocks') ? random.between(-3_600_000, 3_600_000) : 0,
  }))
  const names = Array.from(
    { length: random.between(3, random.chance(0.15) ? 30 : 12) },
    (_, index) => `t${index}`,
  )
  const tasks = names.map((name, index) =>
    drawTask({ random, has, name, chaosMs, before: names.slice(0, index) }),
  )
  return {
    seed,
    ttlMs: random.between(1_000, 4_000),
    patienceMs: random.chance(0.5) ? 15_000 : random.between(300, 5_000),
    chaosMs,
    faults: drawFaults(random, has),
    workers,
    tasks,
    commands: drawCommands(random, { has, chaosMs, names }),
    schedules: has('schedules') ? drawSchedules(random, chaosMs) : [],
    slots: random.between(1, 3),
    pace: random.between(1, 5),
    events: drawEvents(random, { has, chaosMs, workers: workers.length }),
  }
}

type Has = (feature: Feature) => boolean

function drawFaults(random: SeededRandom, has: Has): Faults {
  return {
    ...NO_FAULTS,
    delayMs: has('lateness') ? random.between(1, 200) : random.between(0, 5),
    lostCalls: has('losses') ? random.fraction() * 0.2 : 0,
    lostAnswers: has('losses') ? random.fraction() * 0.2 : 0,
    lostHints: has('losses') ? random.fraction() : 0,
    repeated: has('repeats') ? random.fraction() * 0.2 : 0,
    late: has('repeats') ? random.fraction() * 0.1 : 0,
    lateMs: has('repeats') ? random.between(0, 5_000) : 0,
    slow: has('slowness') ? random.fraction() * 0.15 : 0,
    slowMs: has('slowness') ? random.between(200, 6_000) : 0,
  }
}

interface Setting {
  readonly has: Has
  readonly chaosMs: number
}

function drawCommands(
  random: SeededRandom,
  { has, chaosMs, names }: Setting & { readonly names: readonly string[] },
): readonly CommandPlan[] {
  const kinds: CommandPlan['kind'][] = []
  if (has('cancels')) kinds.push('cancel', 'cancel', 'retry')
  if (has('commands')) kinds.push('retry', 'hold', 'release', 'remove', 'priority')
  if (kinds.length === 0) return []
  return Array.from({ length: random.between(1, 8) }, () => ({
    atMs: random.between(0, chaosMs),
    kind: one(random, kinds),
    task: one(random, names),
  }))
}

function drawSchedules(random: SeededRandom, chaosMs: number): readonly SchedulePlan[] {
  return Array.from({ length: random.between(1, 2) }, (_, index) => ({
    atMs: random.between(0, chaosMs / 2),
    name: `s${index}`,
    everyS: random.between(1, 4),
    overlap: one(random, ['allow', 'skip', 'queue', 'replace'] as const),
    missed: one(random, ['one', 'none', 'all'] as const),
    takesMs: random.chance(0.3) ? random.between(500, 6_000) : 0,
  }))
}

const MISHAPS = ['kill', 'pause', 'cut', 'stop'] as const
const FEATURE_OF = { kill: 'kills', pause: 'pauses', cut: 'cuts', stop: 'stops' } as const

function drawEvents(
  random: SeededRandom,
  { has, chaosMs, workers }: Setting & { readonly workers: number },
): readonly EventPlan[] {
  const events: EventPlan[] = []
  const at = (): number => random.between(0, chaosMs)
  for (const kind of MISHAPS) {
    if (!has(FEATURE_OF[kind])) continue
    for (let count = random.between(1, 3); count > 0; count--)
      events.push({
        kind,
        atMs: at(),
        worker: random.between(0, workers - 1),
        forMs: random.between(50, 9_000),
      })
  }
  if (has('clocks')) {
    const byMs = random.between(-20_000, 20_000)
    events.push({ kind: 'wall', atMs: at(), worker: random.between(0, workers - 1), byMs })
    if (random.chance(0.5))
      events.push({
        kind: 'clock',
        atMs: at(),
        byMs: random.between(-10_000, random.chance(0.1) ? 3_600_000 : 10_000),
      })
  }
  if (has('failovers')) events.push({ kind: 'failover', atMs: at(), backMs: random.between(1, 4_000) })
  return events.toSorted((a, b) => a.atMs - b.atMs)
}

function one<T>(random: SeededRandom, of: readonly T[]): T {
  return of[random.between(0, of.length - 1)]!
}
