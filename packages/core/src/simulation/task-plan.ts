/** What one task is, and what its handler will do. */
import type { IfFailed } from '../store/records.ts'
import type { Feature } from './plan.ts'
import type { SeededRandom } from './random.ts'

/** A task of a plan, and when it is enqueued. */
export interface TaskPlan {
  /** It has it as its tag, and its id comes from it. */
  readonly name: string
  readonly atMs: number
  /** `limited` counts under `slots`, `paced` under `pace`, `ordered` runs in strict order. */
  readonly type: 'plain' | 'limited' | 'paced' | 'ordered' | 'parted'
  /** The key of its limit, or its partition. */
  readonly key: string
  readonly level: number
  readonly delayMs: number
  readonly held: boolean
  readonly after: readonly { readonly task: string; readonly ifFailed: IfFailed }[]
  readonly unique: {
    readonly key: string
    readonly hold: 'live' | 'waiting' | number
    readonly then: 'keep' | 'replace' | 'reject'
  } | null
  readonly attempts: number
  readonly timeoutMs: number | null
  readonly startByMs: number | null
  readonly deadlineMs: number | null
  /** Those with the same number are enqueued together, all or none. */
  readonly bulk: number | null
  /** So much later its caller asks once more, with the same id; `null`: never. */
  readonly twiceAfterMs: number | null
  readonly script: Script
}

/** What the handler of a task does. */
export interface Script {
  /** How long each of its steps takes; behind each it looks at its lease, and has an effect. */
  readonly stepsMs: readonly number[]
  /** So many of its first attempts fail. */
  readonly failures: number
  /** It fails for good, in its first attempt. */
  readonly fatal: boolean
  /** So many of its first runs snooze. */
  readonly snoozes: number
  readonly snoozeMs: number
  readonly checkpoints: boolean
  readonly child: boolean
  /** It looks neither at its lease nor at its signal. */
  readonly deaf: boolean
}

export const IDLE_SCRIPT: Script = {
  stepsMs: [],
  failures: 0,
  fatal: false,
  snoozes: 0,
  snoozeMs: 0,
  checkpoints: false,
  child: false,
  deaf: false,
}

interface Drawing {
  readonly random: SeededRandom
  readonly has: (feature: Feature) => boolean
  readonly name: string
  readonly chaosMs: number
  /** Tasks that stand before it. */
  readonly before: readonly string[]
}

export function drawTask(drawing: Drawing): TaskPlan {
  const { random, has, name, chaosMs } = drawing
  const rarely = (feature: Feature, share: number = 0.3): boolean => has(feature) && random.chance(share)
  const types: TaskPlan['type'][] = ['plain']
  if (has('limits')) types.push('limited', 'limited')
  if (has('rates')) types.push('paced', 'paced')
  if (has('order')) types.push('ordered', 'ordered')
  if (has('partitions')) types.push('parted', 'parted')
  const bulk = rarely('bulk', 0.5) ? random.between(0, 2) : null
  return {
    name,
    atMs: random.between(0, random.chance(0.3) ? 100 : chaosMs),
    type: types[random.between(0, types.length - 1)]!,
    key: `k${random.between(0, 1)}`,
    level: has('priorities') ? random.between(0, 4) : 2,
    delayMs: rarely('delays') ? random.between(1, 8_000) : 0,
    held: rarely('commands', 0.1),
    after: has('flows') ? drawParents(drawing) : [],
    unique: rarely('unique', 0.6) ? drawUnique(random) : null,
    attempts: has('failures') ? random.between(1, 4) : 3,
    timeoutMs: rarely('timeouts') ? random.between(100, 3_000) : null,
    startByMs: rarely('deadlines') ? random.between(100, 6_000) : null,
    deadlineMs: rarely('deadlines') ? random.between(100, 10_000) : null,
    bulk,
    twiceAfterMs: rarely('repeats') && bulk === null ? random.between(0, 10_000) : null,
    script: drawScript(drawing),
  }
}

function drawParents({ random, before }: Drawing): TaskPlan['after'] {
  if (before.length === 0 || random.chance(0.4)) return []
  const parents = new Set(
    Array.from({ length: random.between(1, 3) }, () => before[random.between(0, before.length - 1)]!),
  )
  const ways: readonly IfFailed[] = ['cancel', 'fail', 'run', 'run', 'trigger']
  return [...parents].map((task) => ({ task, ifFailed: ways[random.between(0, ways.length - 1)]! }))
}

function drawUnique(random: SeededRandom): TaskPlan['unique'] {
  const holds = ['live', 'live', 'waiting', random.between(100, 5_000)] as const
  const thens = ['keep', 'keep', 'replace', 'reject'] as const
  return {
    key: `u${random.between(0, 1)}`,
    hold: holds[random.between(0, 3)]!,
    then: thens[random.between(0, 3)]!,
  }
}

function drawScript({ random, has }: Drawing): Script {
  const rarely = (feature: Feature): boolean => has(feature) && random.chance(0.4)
  const longest = random.chance(0.25) ? 6_000 : 300
  return {
    stepsMs: Array.from({ length: random.between(1, 3) }, () => random.between(0, longest)),
    failures: rarely('failures') ? random.between(1, 4) : 0,
    fatal: rarely('failures') && random.chance(0.2),
    snoozes: rarely('snoozes') ? random.between(1, 2) : 0,
    snoozeMs: random.between(0, 4_000),
    checkpoints: rarely('checkpoints'),
    child: rarely('children'),
    deaf: rarely('timeouts') && random.chance(0.3),
  }
}
