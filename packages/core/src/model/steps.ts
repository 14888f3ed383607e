/** Random lives of a home, as data: what clients, workers, operators and time do, in which order. */
import fc from 'fast-check'
import { edit } from './edits.ts'
import type { CommandRequest } from '../store/control.ts'
import type { Overlap } from '../store/schedules.ts'
import type { FinalState, IfFailed, Level, TaskState } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

/**
 * All times of a life are multiples of this, and a life takes less than half of it: what a clock that goes on
 * by itself adds then changes no comparison.
 */
export const UNIT = 60_000
/** How many ids there are: few, so that they come again. */
export const SLOTS = 12
export const WORKERS = 3
const QUEUES = ['a', 'b', 'keyed'] as const
const TYPES = ['work', 'mail'] as const

export interface TaskPlan {
  readonly slot: number
  readonly digest: 'same' | 'other'
  readonly type: string
  readonly needs: readonly string[]
  readonly queue: 'a' | 'b'
  readonly level: Level
  readonly due: { readonly in: number } | { readonly at: number }
  readonly held: boolean
  readonly timeout: number | null
  readonly limit: { readonly kind: 'startBy' | 'deadline'; readonly units: number } | null
  /** Slots of parents, all with one policy: which of two that fail at once comes first is the store's choice. */
  readonly parents: readonly number[]
  readonly ifFailed: IfFailed
  readonly unique: {
    readonly key: string
    readonly while: 'live' | 'waiting' | { readonly units: number }
    readonly then: 'keep' | 'replace' | 'reject'
  } | null
  readonly tags: readonly string[]
  readonly partition: 'p' | 'q' | null
  /** In strict order: stands apart, where no time limit and no choice of the store's can change who comes first. */
  readonly fifo: boolean
  /** Whether it counts under a limit. */
  readonly limited: boolean
  /** In half units, so that no due time is the same. */
  readonly dueBy: number | null
}

export interface GroupPlan {
  readonly tasks: readonly TaskPlan[]
  /** Which gate, if any. */
  readonly gate: number | null
  /** Under which holding, if any. */
  readonly under: number | null
}

export interface SettlementPlan {
  readonly holding: number
  /** `late`: a copy of the first settlement of the claim. */
  readonly number: 'next' | 'again' | 'late'
  readonly transition: Transition
  readonly note: boolean
}

export type Step =
  | { readonly kind: 'add'; readonly groups: readonly GroupPlan[] }
  | {
      readonly kind: 'claim'
      readonly worker: number
      readonly types: readonly string[]
      readonly offers: readonly string[]
      readonly queues: readonly string[]
      readonly nonce: 'new' | 'again'
    }
  | {
      readonly kind: 'settle'
      readonly worker: number
      readonly settlements: readonly SettlementPlan[]
      readonly claim: boolean
    }
  | { readonly kind: 'open' | 'close'; readonly worker: number }
  | {
      readonly kind: 'order'
      readonly worker: number
      readonly end: 'drain' | 'stop' | undefined
      readonly concurrency: number | undefined
    }
  | {
      readonly kind: 'renew'
      readonly worker: number
      readonly listed: 'all' | 'some' | 'none' | 'blind'
      readonly awaiting: boolean
      readonly started: boolean
      readonly number: 'next' | 'again'
    }
  | { readonly kind: 'reclaim'; readonly worker: number; readonly nonce: 'new' | 'again' }
  | {
      readonly kind: 'command'
      readonly slot: number
      readonly command: CommandRequest['command']
      readonly nonce: 'new' | 'again'
    }
  | {
      readonly kind: 'filter'
      readonly queue: string
      readonly states: readonly TaskState[]
      readonly command: CommandRequest['command']
    }
  | { readonly kind: 'gate'; readonly gate: number }
  /** One schedule fires: its run is a task of the home like any other, and may be there already. */
  | { readonly kind: 'tick'; readonly task: TaskPlan; readonly overlap: Overlap }
  | { readonly kind: 'pause'; readonly queue: string; readonly paused: boolean }
  | {
      readonly kind: 'limit'
      readonly name: string
      /** All or none: who is the first of some is the store's choice. */
      readonly concurrency: number | null
      readonly shut: number | null
      readonly version: 'any' | 'first'
    }
  | { readonly kind: 'lift'; readonly name: string }
  | { readonly kind: 'recount' | 'audit' }
  | { readonly kind: 'prune'; readonly states: readonly FinalState[]; readonly units: number }
  | { readonly kind: 'pass'; readonly units: number }

const error = { name: 'Error', message: 'it broke', code: null, stack: null } as const

const transition: fc.Arbitrary<Transition> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      { to: 'succeeded', result: '"r"' } as const,
      { to: 'succeeded', result: null } as const,
    ),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      to: fc.constant('pending' as const),
      count: fc.constantFrom('failure', 'crash', 'isolated-crash', 'return', 'snooze'),
      delayMs: fc.constantFrom(null, 0, UNIT, 5 * UNIT),
      error: fc.constantFrom(null, error),
      shut: fc.constantFrom(
        undefined,
        undefined,
        undefined,
        { name: 'lim', key: 'k0', ms: 2 * UNIT },
        { name: 'queue:a', key: '', ms: UNIT },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      to: fc.constant('failed' as const),
      count: fc.constantFrom('failure', 'crash', 'isolated-crash', 'none'),
      reason: fc.constantFrom('error', 'timeout', 'crashed', 'invalid'),
      error: fc.constant(error),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ to: fc.constant('cancelled' as const), error: fc.constantFrom(null, error) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      to: fc.constant('running' as const),
      checkpoint: fc.constantFrom(null, '"c1"', '"c2"'),
    }),
  },
)

const limitName = fc.constantFrom('lim', 'lim', 'queue:a', 'type:work')
const slot = fc.nat(SLOTS - 1)
const worker = fc.nat(WORKERS - 1)
const holding = fc.oneof({ weight: 4, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.nat(40) })
const nonce = fc.oneof(
  { weight: 4, arbitrary: fc.constant('new' as const) },
  { weight: 1, arbitrary: fc.constant('again' as const) },
)
const number = fc.oneof(
  { weight: 5, arbitrary: fc.constant('next' as const) },
  { weight: 1, arbitrary: fc.constant('again' as const) },
)
const settlementNumber = fc.oneof(
  { weight: 2, arbitrary: number },
  { weight: 1, arbitrary: fc.constant('late' as const) },
)

function rarely<T>(arbitrary: fc.Arbitrary<T>, weight = 4): fc.Arbitrary<T | null> {
  return fc.oneof({ weight, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })
}

const task: fc.Arbitrary<TaskPlan> = fc.record({
  slot,
  digest: fc.oneof(
    { weight: 12, arbitrary: fc.constant('same' as const) },
    { weight: 1, arbitrary: fc.constant('other' as const) },
  ),
  type: fc.constantFrom(...TYPES),
  needs: fc.constantFrom([], [], [], ['gpu']),
  queue: fc.constantFrom('a', 'b'),
  level: fc.constantFrom(0, 2, 4),
  due: fc.oneof(
    { weight: 3, arbitrary: fc.record({ in: fc.constantFrom(0, 0, 0, 0, 1, 3) }) },
    { weight: 1, arbitrary: fc.record({ at: fc.integer({ min: -2, max: 6 }) }) },
  ),
  held: fc.constantFrom(false, false, false, false, false, true),
  timeout: rarely(fc.constantFrom(1, 2), 1),
  limit: rarely(fc.record({ kind: fc.constantFrom('startBy', 'deadline'), units: fc.constantFrom(1, 3, 8) })),
  parents: fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.uniqueArray(slot, { maxLength: 3 }) },
  ),
  ifFailed: fc.constantFrom('cancel', 'fail', 'run', 'trigger'),
  unique: rarely(
    fc.record({
      key: fc.constantFrom('k1', 'k2'),
      while: fc.constantFrom<NonNullable<TaskPlan['unique']>['while'][]>(
        'live',
        'live',
        'waiting',
        'waiting',
        { units: 2 },
        { units: 30 },
      ),
      then: fc.constantFrom('keep', 'replace', 'reject'),
    }),
    3,
  ),
  tags: fc.constantFrom([], ['x'], ['x', 'y']),
  partition: fc.constantFrom(null, null, 'p', 'q'),
  fifo: fc.constantFrom(false, false, false, true),
  limited: fc.constantFrom(false, false, true),
  dueBy: rarely(fc.constantFrom(1, 5)),
})

const group: fc.Arbitrary<GroupPlan> = fc.record({
  tasks: fc.uniqueArray(task, { minLength: 1, maxLength: 4, selector: (plan) => plan.slot }),
  gate: rarely(fc.nat(2), 6),
  under: rarely(holding, 6),
})

const settlement: fc.Arbitrary<SettlementPlan> = fc.record({
  holding,
  number: settlementNumber,
  transition,
  note: fc.boolean(),
})

const byId = fc.oneof<fc.Arbitrary<CommandRequest['command']>[]>(
  fc.record({ kind: fc.constant('cancel' as const), reason: fc.constantFrom(null, 'r') }),
  fc.record({ kind: fc.constant('retry' as const), payload: fc.constantFrom(null, '"new"') }),
  fc.record({ kind: fc.constantFrom('remove', 'hold', 'release') }),
  edit,
)

/** Only what commutes over the tasks that match: a store chooses their order. */
const byFilter: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('filter' as const),
    queue: fc.constantFrom(...QUEUES),
    states: fc.constantFrom<TaskState[]>(['pending'], ['pending', 'blocked'], ['running', 'failed']),
    command: fc.constantFrom<CommandRequest['command']>(
      { kind: 'hold' },
      { kind: 'release' },
      { kind: 'edit', payload: null, level: 1, runAt: null },
    ),
  }),
  fc.record({
    kind: fc.constant('filter' as const),
    queue: fc.constantFrom('a', 'b'),
    states: fc.constantFrom<TaskState[]>(['failed'], ['failed', 'cancelled']),
    command: fc.constantFrom<CommandRequest['command']>({ kind: 'retry', payload: null }, { kind: 'remove' }),
  }),
  fc.record({
    kind: fc.constant('filter' as const),
    queue: fc.constantFrom(...QUEUES),
    states: fc.constant<readonly TaskState[]>(['running']),
    command: fc.constant<CommandRequest['command']>({ kind: 'cancel', reason: 'all' }),
  }),
)

/** Mostly all of them. */
function some<T>(values: readonly T[]): fc.Arbitrary<T[]> {
  const all: fc.Arbitrary<T[]> = fc.constant([...values])
  return fc.oneof({ weight: 3, arbitrary: all }, { weight: 1, arbitrary: fc.subarray([...values]) })
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      groups: fc.array(group, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('claim' as const),
      worker,
      types: some(TYPES),
      offers: fc.constantFrom(['gpu', 'ssd'], ['gpu'], []),
      queues: some(QUEUES),
      nonce,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      worker,
      settlements: fc.array(settlement, { minLength: 1, maxLength: 3 }),
      claim: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('open', 'open', 'open', 'close'), worker }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('order' as const),
      worker,
      end: fc.constantFrom(undefined, 'drain', 'stop'),
      concurrency: fc.constantFrom(undefined, 1, 10_000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('renew' as const),
      worker,
      listed: fc.constantFrom('all', 'all', 'some', 'none', 'none', 'blind'),
      awaiting: fc.constantFrom(false, false, true),
      started: fc.constantFrom(true, true, false),
      number,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('reclaim' as const), worker, nonce }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('command' as const), slot, command: byId, nonce }) },
  { weight: 1, arbitrary: byFilter },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('tick' as const),
      task,
      overlap: fc.constantFrom('allow', 'skip', 'queue', 'replace'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('gate' as const), gate: fc.nat(2) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('pause' as const),
      queue: fc.constantFrom(...QUEUES),
      paused: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('limit' as const),
      name: limitName,
      concurrency: fc.constantFrom(null, 0, 1_000),
      shut: rarely(fc.constantFrom(1, 3)),
      version: fc.constantFrom('any', 'any', 'first'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.oneof<fc.Arbitrary<Step>[]>(
      fc.record({ kind: fc.constant('lift' as const), name: limitName }),
      fc.constantFrom<Step>({ kind: 'recount' }, { kind: 'audit' }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('prune' as const),
      states: fc.subarray<FinalState>(['succeeded', 'failed', 'cancelled']),
      units: fc.constantFrom(0, 1, 10),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      units: fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom(1, 1, 1, 2, 3) },
        { weight: 1, arbitrary: fc.constantFrom(8, 15, 60, 1_440) },
      ),
    }),
  },
)

/** A life of up to so many steps, most of them with all workers at hand. */
export function lives(stepsMax: number): fc.Arbitrary<readonly Step[]> {
  return fc.array(step, { minLength: 10, maxLength: stepsMax, size: 'max' })
}
