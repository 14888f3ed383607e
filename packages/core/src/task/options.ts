/**
 * The options of definitions and calls, their defaults, and how they become the plain data that a store
 * keeps. What a call says goes before what the definition says, and that before the defaults.
 */
import { durationMs, type Duration } from './duration.ts'
import { InvalidArgumentError } from './errors.ts'
import { checkedName } from './limits.ts'
import { checkMembers, type Members } from './members.ts'
import { shown } from './shown.ts'
import type { Level, RetryPolicy, UniqueSpec } from '../store/records.ts'

/** From the most to the least urgent: the index of a priority is its level. */
export const PRIORITIES = ['critical', 'high', 'normal', 'low', 'batch'] as const
/**
 * One of the five levels in which tasks stand in line; which share of the claims each gets is said by `priorities` of
 * a worker.
 */
export type Priority = (typeof PRIORITIES)[number]

/** How often and after which waits a failed task is tried again; plain data, stored with the task. */
export type RetryOptions =
  /** One attempt. */
  false | ExponentialRetry | FixedRetry | ListedRetry

/** Waits that double from `base` to `max`, each drawn at random between 0 and that (full jitter). */
export interface ExponentialRetry extends Unset<'delays' | 'delay'> {
  /** How often in all, the first attempt counted: 1 to 10 000. Default 3. */
  readonly attempts?: number | undefined
  readonly backoff?: 'exponential' | undefined
  /** Default 1 s. */
  readonly base?: Duration | undefined
  /** Default 5 m, or `base` if that is longer. */
  readonly max?: Duration | undefined
}

/** The same wait each time. */
export interface FixedRetry extends Unset<'max' | 'delays' | 'delay'> {
  /** How often in all, the first attempt counted: 1 to 10 000. Default 3. */
  readonly attempts?: number | undefined
  readonly backoff: 'fixed'
  readonly base: Duration
}

/** One wait per retry: there is one attempt more than waits. */
export interface ListedRetry extends Unset<'attempts' | 'backoff' | 'base' | 'max' | 'delay'> {
  readonly delays: readonly Duration[]
}

/** A function of yours, which the worker asks after each failure. It stands in definitions only: calls are stored. */
export interface CustomRetry extends Unset<'backoff' | 'base' | 'max' | 'delays'> {
  /** How often in all, the first attempt counted: 1 to 10 000. Default 3. */
  readonly attempts?: number | undefined
  /** The wait before the next attempt; `false` gives up. */
  readonly delay: (failed: FailedAttempt) => Duration | false
}

/** Members that exclude the others. */
type Unset<Member extends string> = { readonly [M in Member]?: undefined }

/** What a custom retry is told about the attempt that failed. */
export interface FailedAttempt {
  /** 1 for the first. */
  readonly attempt: number
  readonly error: unknown
}

/** Options that a definition and a call share. */
export interface SharedOptions<Retry = RetryOptions> {
  /** Default `default`. */
  readonly queue?: string | undefined
  /** Default `normal`. */
  readonly priority?: Priority | undefined
  /** Default 3 attempts, exponential from 1 s to 5 m. One that is given replaces the other as a whole. */
  readonly retry?: Retry | undefined
  /** One attempt may take so long. Default 15 m; `false` lifts it. */
  readonly timeout?: Duration | false | undefined
  /** A task that has not started so long after it was enqueued expires. Default: never. */
  readonly startBy?: Duration | undefined
  /** All attempts together may take so long, from the enqueue on. Default: no limit. */
  readonly deadline?: Duration | undefined
}

/** One task per key at a time, or per stretch of time. */
export type UniqueOptions<Input> = UniqueHold & {
  /** Of the input as it was passed: any text of at most 512 bytes. Keys of different definitions never meet. */
  readonly key: (input: Input) => string
  readonly then?: UniqueThen | undefined
}

/** The same for one call. What it says neither of how long nor of what then, the definition does. */
export type UniqueCall = UniqueHold & {
  /** Any text without U+0000, of at most 512 bytes. */
  readonly key: string
  readonly then?: UniqueThen | undefined
}

/** How long a key is held. */
export type UniqueHold =
  | {
      /**
       * `live`, the default: until the task has ended. `waiting`: until it is started; one that comes back to be
       * tried again takes the key again if it is free then.
       */
      readonly while?: 'live' | 'waiting' | undefined
      readonly within?: undefined
    }
  | {
      /** For so long from the enqueue on, whatever becomes of the task: 1 ms to 30 days. */
      readonly within: Duration
      readonly while?: undefined
    }

/**
 * What becomes of a newcomer whose key is held. `keep`, the default: it answers the handle of the task that is there.
 * `reject`: it throws UniqueKeyError. `replace`: it takes the place of the task that is there, which is cancelled, as
 * long as that has not been started; else it throws UniqueKeyError.
 */
export type UniqueThen = 'keep' | 'replace' | 'reject'

/** Shared options as plain data, all of them decided. */
export interface ResolvedOptions {
  readonly queue: string
  readonly level: Level
  readonly retry: RetryPolicy
  readonly timeoutMs: number | null
  readonly startByMs: number | null
  readonly deadlineMs: number | null
  /** Of the definition's input. */
  readonly version: number
}

/** Used where a retry says nothing else, and where a custom retry cannot be asked. */
export const DEFAULT_BACKOFF: { readonly attempts: number; readonly baseMs: number; readonly maxMs: number } =
  {
    attempts: 3,
    baseMs: 1_000,
    maxMs: 300_000,
  }

export const DEFAULT_OPTIONS: ResolvedOptions = {
  queue: 'default',
  level: 2,
  retry: { kind: 'exponential', ...DEFAULT_BACKOFF },
  timeoutMs: 15 * 60_000,
  startByMs: null,
  deadlineMs: null,
  version: 1,
}

const ATTEMPTS_MAX = 10_000

/**
 * Options of a call as plain data.
 *
 * @param base what holds where `options` are silent: the definition's
 * @throws InvalidArgumentError
 */
export function resolveOptions(options: SharedOptions, base: ResolvedOptions): ResolvedOptions {
  const { queue, priority, retry, timeout, startBy, deadline } = options
  return {
    queue: queue === undefined ? base.queue : checkedName(queue, 'The queue'),
    level: priority === undefined ? base.level : levelOf(priority),
    retry: retry === undefined ? base.retry : retryPolicy(retry),
    timeoutMs: timeout === false ? null : (limitMs(timeout, 'timeout') ?? base.timeoutMs),
    startByMs: limitMs(startBy, 'startBy') ?? base.startByMs,
    deadlineMs: limitMs(deadline, 'deadline') ?? base.deadlineMs,
    version: base.version,
  }
}

/**
 * Options of a definition as plain data, and the user's retry function, which is none.
 *
 * @throws InvalidArgumentError
 */
export function resolveDefinition(options: SharedOptions<RetryOptions | CustomRetry>): {
  readonly resolved: ResolvedOptions
  readonly retryDelay: CustomRetry['delay'] | undefined
} {
  const { retry, ...others } = options
  if (!isCustom(retry))
    return { resolved: resolveOptions({ ...others, retry }, DEFAULT_OPTIONS), retryDelay: undefined }
  checkMembers(retry, RETRY_MEMBERS, 'retry')
  refuseMembers(retry, ['backoff', 'base', 'max', 'delays'], 'delay')
  const retryDelay: unknown = retry.delay
  if (typeof retryDelay !== 'function') {
    throw new InvalidArgumentError(`retry.delay is ${shown(retryDelay)}, which is no function.`, {
      hint: RETRY_HINT,
    })
  }
  const custom: RetryPolicy = { kind: 'custom', attempts: checkedAttempts(retry.attempts) }
  return { resolved: resolveOptions(others, { ...DEFAULT_OPTIONS, retry: custom }), retryDelay: retry.delay }
}

/**
 * The level of a priority.
 *
 * @throws InvalidArgumentError if it is none
 */
export function levelOf(priority: Priority): Level {
  const level = PRIORITIES.indexOf(priority)
  if (level >= 0) return level as Level
  throw new InvalidArgumentError(`The priority is ${shown(priority)}.`, {
    hint: `It is one of ${PRIORITIES.join(', ')}.`,
  })
}

/** @throws InvalidArgumentError if the options of uniqueness cannot be right */
export function checkedUnique<Input>(unique: UniqueOptions<Input>): UniqueOptions<Input> {
  if (typeof unique?.key !== 'function') {
    throw new InvalidArgumentError(`unique.key is ${shown(unique?.key)}, which is no function.`, {
      hint: 'In a definition it makes the key of an input: { key: (input) => input.path }.',
    })
  }
  checkMembers(unique, UNIQUE_MEMBERS, 'unique')
  holdOf(unique)
  checkedThen(unique.then)
  return unique
}

/**
 * For how long options of uniqueness have a key held; `undefined`: they do not say it.
 *
 * @throws InvalidArgumentError
 */
export function holdOf(unique: UniqueHold): UniqueSpec['while'] | undefined {
  const { while: held, within } = unique
  if (within === undefined) {
    if (held === undefined || held === 'live' || held === 'waiting') return held
    throw new InvalidArgumentError(`unique.while is ${shown(held)}.`, {
      hint: "It is 'live' or 'waiting'; a stretch of time is { within: '1h' }.",
    })
  }
  if (held !== undefined) {
    throw new InvalidArgumentError('unique has while beside within.', {
      hint: 'A key is held while its task lives or waits, or for a time: give one of them.',
    })
  }
  const withinMs = durationMs(within, 'unique.within')
  if (withinMs >= 1 && withinMs <= WITHIN_MAX_MS) return { withinMs }
  throw new InvalidArgumentError(`unique.within is ${shown(within)}.`, {
    hint: 'It is from 1 ms to 30 days.',
  })
}

/** Each window is a row until it is over. */
const WITHIN_MAX_MS = 30 * 86_400_000

/**
 * What becomes of a newcomer whose key is held: `keep` unless something else is said.
 *
 * @throws InvalidArgumentError
 */
export function checkedThen(then: UniqueThen | undefined): UniqueThen {
  if (then === undefined) return 'keep'
  if (then === 'keep' || then === 'replace' || then === 'reject') return then
  throw new InvalidArgumentError(`unique.then is ${shown(then)}.`, {
    hint: "It is 'keep', 'replace' or 'reject'.",
  })
}

/** A time limit of no length would end every task at once, which nobody means. */
function limitMs(limit: Duration | undefined, what: string): number | undefined {
  if (limit === undefined) return undefined
  const ms = durationMs(limit, what)
  if (ms > 0) return ms
  const lift = what === 'timeout' ? 'timeout: false lifts the limit' : `without ${what} there is no limit`
  throw new InvalidArgumentError(`${what} is ${shown(limit)}.`, { hint: `It is 1 ms at least; ${lift}.` })
}

const RETRY_MEMBERS: Members<ExponentialRetry> = {
  attempts: true,
  backoff: true,
  base: true,
  max: true,
  delays: true,
  delay: true,
}

const UNIQUE_MEMBERS: Members<UniqueOptions<never>> = { key: true, while: true, within: true, then: true }

function isCustom(retry: RetryOptions | CustomRetry | undefined): retry is CustomRetry {
  return typeof retry === 'object' && retry !== null && retry.delay !== undefined
}

function retryPolicy(retry: RetryOptions): RetryPolicy {
  if (retry === false) return { kind: 'delays', delaysMs: [] }
  if (typeof retry !== 'object' || retry === null) {
    throw new InvalidArgumentError(`retry is ${shown(retry)}.`, { hint: RETRY_HINT })
  }
  checkMembers(retry, RETRY_MEMBERS, 'retry')
  if (retry.delay !== undefined) {
    throw new InvalidArgumentError('A call has a retry function.', {
      hint: 'Options of a call are stored, which a function cannot be: give it to defineTask.',
    })
  }
  if (retry.delays !== undefined) return listedPolicy(retry)
  const attempts = checkedAttempts(retry.attempts)
  if (retry.backoff === 'fixed') {
    refuseMembers(retry, ['max'], "backoff: 'fixed'")
    return { kind: 'fixed', attempts, baseMs: durationMs(retry.base, 'retry.base') }
  }
  if (retry.backoff === undefined || retry.backoff === 'exponential')
    return exponentialPolicy(retry, attempts)
  throw new InvalidArgumentError(`retry.backoff is ${shown(retry.backoff)}.`, { hint: RETRY_HINT })
}

function listedPolicy(retry: ListedRetry): RetryPolicy {
  refuseMembers(retry, ['attempts', 'backoff', 'base', 'max'], 'delays')
  const { delays } = retry
  const isList: boolean = Array.isArray(delays)
  if (isList && delays.length < ATTEMPTS_MAX) {
    return {
      kind: 'delays',
      delaysMs: Array.from(delays, (delay, at) => durationMs(delay, `retry.delays[${at}]`)),
    }
  }
  throw new InvalidArgumentError(
    `retry.delays is ${isList ? `a list of ${delays.length}` : shown(delays)}.`,
    {
      hint: `It is a list of at most ${ATTEMPTS_MAX - 1} durations, one per retry.`,
    },
  )
}

function exponentialPolicy(retry: ExponentialRetry, attempts: number): RetryPolicy {
  const baseMs = retry.base === undefined ? DEFAULT_BACKOFF.baseMs : durationMs(retry.base, 'retry.base')
  if (retry.max === undefined) {
    return { kind: 'exponential', attempts, baseMs, maxMs: Math.max(baseMs, DEFAULT_BACKOFF.maxMs) }
  }
  const maxMs = durationMs(retry.max, 'retry.max')
  if (maxMs >= baseMs) return { kind: 'exponential', attempts, baseMs, maxMs }
  throw new InvalidArgumentError(`retry.max is ${maxMs} ms, which is less than retry.base, ${baseMs} ms.`, {
    hint: 'The waits grow from base to max.',
  })
}

function refuseMembers(retry: object, members: readonly string[], beside: string): void {
  for (const member of members) {
    if ((retry as Record<string, unknown>)[member] === undefined) continue
    throw new InvalidArgumentError(`retry has ${member} beside ${beside}.`, { hint: RETRY_HINT })
  }
}

const RETRY_HINT =
  "retry is false, { attempts, base, max }, { attempts, backoff: 'fixed', base } or { delays: ['1s', '1m'] }; " +
  'in a definition also { attempts, delay: (failed) => duration }.'

function checkedAttempts(attempts: number = DEFAULT_BACKOFF.attempts): number {
  if (Number.isInteger(attempts) && attempts >= 1 && attempts <= ATTEMPTS_MAX) return attempts
  throw new InvalidArgumentError(`retry.attempts is ${shown(attempts)}.`, {
    hint: `It is a whole number from 1, the first attempt counted, to ${ATTEMPTS_MAX}.`,
  })
}
