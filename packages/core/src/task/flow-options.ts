/** The options of flow control: partitions, limits and breakers, and the lane that they make of an input. */
import { durationMs, type Duration } from './duration.ts'
import { InvalidArgumentError } from './errors.ts'
import { checkedKey, checkedName } from './limits.ts'
import { checkMembers, type Members } from './members.ts'
import { messageOf, shown } from './shown.ts'
import { OUTCOMES_MAX, type BreakerPolicy } from '../policy/breaker.ts'
import type { Allowance, Rate } from '../store/flow.ts'
import type { Lane, LaneLimit } from '../store/records.ts'

/** Members of a definition that have to do with whose turn it is, and how much runs at once. */
export interface FlowOptions<Input> {
  /**
   * Whose it is, as the input says: a tenant, a customer. The partitions of a queue take turns inside each priority.
   * Any text of at most 512 bytes. With `fifo` the tasks of a partition run one by one, in the order of their enqueue.
   */
  readonly partition?: ((input: Input) => string) | PartitionOptions<Input> | undefined
  /** What it counts under while it runs, on all workers together: 8 at most. */
  readonly limits?: readonly LimitOptions<Input>[] | undefined
  /** What keeps it from starting while the dependency it needs is down. */
  readonly breaker?: BreakerOptions | undefined
}

/** Whose turn a task takes, and whether the tasks of one key run one by one. */
export interface PartitionOptions<Input> {
  readonly key: (input: Input) => string
  /** Strict order: a task starts when the one before it has ended, whatever that waits for. Default `false`. */
  readonly fifo?: boolean | undefined
}

/** How much may run at once, or start in a time. All definitions that name a limit share it. */
export interface LimitOptions<Input> {
  readonly name: string
  /** Of the input: each key has a limit of its own. Any text of at most 512 bytes. Default: one for all. */
  readonly key?: ((input: Input) => string) | undefined
  /** At most so many at once: a whole number from 1 to 1 000 000. */
  readonly concurrency?: number | undefined
  readonly rate?: RateOptions | undefined
  /** How much of the rate a task takes: a whole number from 1 to 1 000 000. Default 1. */
  readonly cost?: ((input: Input) => number) | undefined
}

/** How many tasks may start in a time, over all workers. */
export interface RateOptions {
  /** Tasks (of cost 1) in each `per`: a whole number from 1 to 1 000 000. */
  readonly limit: number
  /** From 1 ms to 31 days. */
  readonly per: Duration
  /** How many may start at once when none did for a while. Default: a tenth of `limit`. */
  readonly burst?: number | undefined
}

/**
 * A circuit breaker over what a task depends on. All definitions that name it share it: one of them says when it opens,
 * the others only name it. What counts is each one's own.
 */
export interface BreakerOptions {
  readonly name: string
  /** It opens when this share of the attempts in the window failed: above 0, at most 1. Default 0.5. */
  readonly share?: number | undefined
  /** … of so many at least, on one worker: 1 000 at most. Default 20. */
  readonly of?: number | undefined
  /** The window. Default 1 m. */
  readonly within?: Duration | undefined
  /** For how long nothing starts once it is open. Default 30 s. */
  readonly open?: Duration | undefined
  /** How many run at once after that, and have to succeed before it closes. Default 2. */
  readonly probes?: number | undefined
  /** Which errors say that the dependency is down. Default: all. */
  readonly counts?: ((error: unknown) => boolean) | undefined
  /**
   * Decides in the place of `share` and `of`. It is asked after failures, at times more than once after one.
   *
   * @param outcomes those of the window on this worker, the oldest first; at most the newest 1 000
   */
  readonly trips?: ((outcomes: readonly BreakerOutcome[]) => boolean) | undefined
}

/** How an attempt ended, for a breaker. */
export interface BreakerOutcome {
  /** How long ago that was, in milliseconds. */
  readonly agoMs: number
  readonly failed: boolean
}

/** The options, checked. */
export interface Flow {
  readonly partition: PartitionOptions<never> | undefined
  readonly limits: readonly LimitOptions<never>[]
  /** What the code declares of its limits, by name. */
  readonly declared: ReadonlyMap<string, Allowance>
  readonly breaker: Breaker | undefined
}

export interface Breaker {
  readonly name: string
  /** `undefined`: another definition says it, or nobody, and the defaults hold. */
  readonly rule: BreakerRule | undefined
  readonly counts: (error: unknown) => boolean
}

/** When it opens, and how it closes. */
export interface BreakerRule {
  readonly policy: BreakerPolicy
  readonly trips: BreakerOptions['trips']
}

const LIMITS_MAX = 8
const COUNT_MAX = 1_000_000
const PER_MAX_MS = 31 * 86_400_000
/** A burst of this share of the limit. */
const BURST_SHARE = 0.1

/**
 * `undefined` if there is nothing of it, as most have.
 *
 * @throws InvalidArgumentError
 */
export function resolveFlow({ partition, limits, breaker }: FlowOptions<never>): Flow | undefined {
  if (partition === undefined && limits === undefined && breaker === undefined) return undefined
  const all = limits === undefined ? [] : checkedLimits(limits)
  const declared = all.map((limit) => [limit.name, allowanceOf(limit)] as const)
  return {
    partition: partition === undefined ? undefined : checkedPartition(partition),
    limits: all,
    declared: new Map(declared.filter(([, { concurrency, rate }]) => concurrency !== null || rate !== null)),
    breaker: breaker === undefined ? undefined : checkedBreaker(breaker),
  }
}

function checkedPartition(partition: NonNullable<FlowOptions<never>['partition']>): PartitionOptions<never> {
  if (typeof partition === 'function') return { key: partition }
  checkMembers(partition, PARTITION_MEMBERS, 'partition')
  const { key, fifo } = partition
  checkFunction(key, 'partition.key', 'partition: (input) => input.tenant, or { key, fifo: true }')
  if (fifo === undefined || typeof fifo === 'boolean') return partition
  throw new InvalidArgumentError(`partition.fifo is ${shown(fifo)}.`, { hint: 'It is true or false.' })
}

function checkedLimits(limits: readonly LimitOptions<never>[]): readonly LimitOptions<never>[] {
  const isList: boolean = Array.isArray(limits)
  if (!isList || limits.length > LIMITS_MAX) {
    throw new InvalidArgumentError(`limits are ${shown(limits)}.`, {
      hint: `They are a list of at most ${LIMITS_MAX}: [{ name, key, concurrency, rate }].`,
    })
  }
  const names = new Set<string>()
  for (const limit of limits) {
    checkMembers(limit, LIMIT_MEMBERS, 'a limit')
    checkedName(limit.name, 'The name of a limit')
    if (names.has(limit.name)) {
      throw new InvalidArgumentError(`The limit ${limit.name} is named twice.`, {
        hint: 'A task counts under one key of a limit: make two limits of it.',
      })
    }
    names.add(limit.name)
    if (limit.key !== undefined)
      checkFunction(limit.key, `The key of the limit ${limit.name}`, 'key: (input) => input.account')
    if (limit.cost !== undefined)
      checkFunction(limit.cost, `The cost of the limit ${limit.name}`, 'cost: (input) => input.items')
  }
  return limits
}

/** @throws InvalidArgumentError */
export function allowanceOf({
  name,
  concurrency,
  rate,
}: Pick<LimitOptions<never>, 'name' | 'concurrency' | 'rate'>): Allowance {
  return {
    concurrency: concurrency === undefined ? null : checkedCount(concurrency, `The concurrency of ${name}`),
    rate: rate === undefined ? null : rateOf(rate, name),
  }
}

function rateOf(rate: RateOptions, name: string): Rate {
  checkMembers(rate, RATE_MEMBERS, `the rate of ${name}`)
  const limit = checkedCount(rate.limit, `rate.limit of ${name}`)
  const perMs = durationMs(rate.per, `rate.per of ${name}`)
  if (perMs < 1 || perMs > PER_MAX_MS) {
    throw new InvalidArgumentError(`rate.per of ${name} is ${shown(rate.per)}.`, {
      hint: 'It is 1 ms at least, and 31 days at most.',
    })
  }
  const burst = rate.burst ?? Math.max(1, Math.ceil(limit * BURST_SHARE))
  return { limit, perMs, burst: checkedCount(burst, `rate.burst of ${name}`) }
}

/** @throws InvalidArgumentError */
function checkedCount(count: unknown, what: string, most = COUNT_MAX): number {
  if (Number.isInteger(count) && (count as number) >= 1 && (count as number) <= most) return count as number
  throw new InvalidArgumentError(`${what} is ${shown(count)}.`, {
    hint: `It is a whole number from 1 to ${most}.`,
  })
}

function checkedBreaker(options: BreakerOptions): Breaker {
  checkMembers(options, BREAKER_MEMBERS, 'breaker')
  const { name, counts, ...rule } = options
  checkedName(name, 'The name of a breaker')
  if (counts !== undefined) checkFunction(counts, 'breaker.counts', 'counts: (error) => error.status >= 500')
  const isDeclared = Object.values(rule).some((member) => member !== undefined)
  return { name, rule: isDeclared ? checkedRule(rule) : undefined, counts: counts ?? (() => true) }
}

function checkedRule({
  share = 0.5,
  of = 20,
  within = '1m',
  open = '30s',
  probes = 2,
  trips,
}: Omit<BreakerOptions, 'name' | 'counts'>): BreakerRule {
  if (typeof share !== 'number' || !(share > 0 && share <= 1)) {
    throw new InvalidArgumentError(`breaker.share is ${shown(share)}.`, {
      hint: 'It is the share of attempts that failed: above 0, and at most 1.',
    })
  }
  if (trips !== undefined)
    checkFunction(
      trips,
      'breaker.trips',
      'trips: (outcomes) => outcomes.slice(-3).every(({ failed }) => failed)',
    )
  const policy = {
    share,
    of: checkedCount(of, 'breaker.of', OUTCOMES_MAX),
    withinMs: checkedSpan(within, 'breaker.within'),
    openMs: checkedSpan(open, 'breaker.open'),
    probes: checkedCount(probes, 'breaker.probes'),
  }
  return { policy, trips }
}

/** A breaker that is nowhere said more of than its name. */
export const BREAKER_DEFAULT: BreakerRule = checkedRule({})

function checkedSpan(span: Duration, what: string): number {
  const ms = durationMs(span, what)
  if (ms >= 1) return ms
  throw new InvalidArgumentError(`${what} is ${shown(span)}.`, { hint: 'It is 1 ms at least.' })
}

function checkFunction(value: unknown, what: string, example: string): void {
  if (typeof value === 'function') return
  throw new InvalidArgumentError(`${what} is ${shown(value)}, which is no function.`, {
    hint: `As in ${example}.`,
  })
}

/** What a lane is made of. */
export type LaneInput = { readonly input: unknown } | 'fed'

/** What a call says about its lane. */
export interface LaneOptions {
  readonly partition?: string | undefined
  readonly prefers?: readonly string[] | undefined
  readonly spillAfter?: Duration | undefined
}

/**
 * The lane of an input.
 *
 * @param from the input; `fed` while it is not there yet, as that of a step that takes a result
 * @param options what the call says; its partition goes before the definition's
 * @throws InvalidArgumentError
 */
export function laneOf(flow: Flow | undefined, from: LaneInput, options: LaneOptions = {}): Lane | null {
  const { prefers = NONE, spillAfter } = options
  const preferred = checkedPreferences(prefers)
  const spillMs = durationMs(spillAfter ?? SPILL_AFTER, 'spillAfter')
  const partition = partitionOf(flow, from, options)
  const limits = flow?.limits.map((limit) => laneLimit(limit, from)) ?? []
  if (flow?.breaker !== undefined) limits.push({ name: breakerLimit(flow.breaker.name), key: '', cost: 1 })
  if (partition === null && limits.length === 0 && preferred.length === 0) return null
  return {
    partition,
    fifo: flow?.partition?.fifo === true,
    limits,
    prefers: preferred,
    spillMs: preferred.length === 0 ? 0 : spillMs,
  }
}

function partitionOf(flow: Flow | undefined, from: LaneInput, { partition }: LaneOptions): string | null {
  if (partition === undefined && flow?.partition === undefined) return null
  return checkedKey(
    partition === undefined ? made(flow!.partition!.key, from, 'partition') : partition,
    'The partition',
  )
}

const SPILL_AFTER = '10s'
const PREFERENCES_MAX = 8

function checkedPreferences(prefers: readonly string[]): readonly string[] {
  const isList: boolean = Array.isArray(prefers)
  if (isList && prefers.length <= PREFERENCES_MAX)
    return [...new Set(prefers.map((one) => checkedName(one, 'A preference')))]
  throw new InvalidArgumentError(`prefers is ${shown(prefers)}.`, {
    hint: `It is a list of at most ${PREFERENCES_MAX} offers, the best first: ['eu', 'us'].`,
  })
}

const NONE: readonly never[] = []

/** The limit that a breaker is kept as. */
export function breakerLimit(name: string): string {
  return `breaker:${name}`
}

/**
 * The key of a limit under which a task with this input counts.
 *
 * @throws InvalidArgumentError if it counts under no such limit, or its key cannot be made
 */
export function limitKeyOf(
  task: { readonly name: string; readonly flow?: Flow | undefined },
  name: string,
  input: unknown,
): string {
  const limit = task.flow?.limits.find((one) => one.name === name)
  if (limit !== undefined) return keyOf(limit, { input })
  throw new InvalidArgumentError(`${task.name} counts under no limit that is called ${shown(name)}.`, {
    hint: 'The scope of RetryAfterError names one of the limits of its definition.',
  })
}

function keyOf({ name, key }: LimitOptions<never>, from: LaneInput): string {
  if (key === undefined) return ''
  return checkedKey(made(key, from, `limits.${name}.key`), `The key of the limit ${name}`)
}

function laneLimit(limit: LimitOptions<never>, from: LaneInput): LaneLimit {
  const { name, cost } = limit
  return {
    name,
    key: keyOf(limit, from),
    cost:
      cost === undefined
        ? 1
        : checkedCount(made(cost, from, `limits.${name}.cost`), `The cost under ${name}`),
  }
}

/** What a function of the user's makes of the input; it may fail. */
function made<T>(make: (input: never) => T, from: LaneInput, what: string): T {
  if (from === 'fed') {
    throw new InvalidArgumentError(`\`${what}\` is made of the input, which is not there yet.`, {
      hint: 'A step that takes a result has no input when it is enqueued: give it one, or define the task without.',
    })
  }
  try {
    return make(from.input as never)
  } catch (cause) {
    throw new InvalidArgumentError(`\`${what}\` could not be made of the input: ${messageOf(cause)}`, {
      cause,
      hint: 'The function of the definition threw: make it answer for every input.',
    })
  }
}

const PARTITION_MEMBERS: Members<PartitionOptions<never>> = { key: true, fifo: true }
const LIMIT_MEMBERS: Members<LimitOptions<never>> = {
  name: true,
  key: true,
  concurrency: true,
  rate: true,
  cost: true,
}
const RATE_MEMBERS: Members<RateOptions> = { limit: true, per: true, burst: true }
const BREAKER_MEMBERS: Members<BreakerOptions> = {
  name: true,
  share: true,
  of: true,
  within: true,
  open: true,
  probes: true,
  counts: true,
  trips: true,
}
