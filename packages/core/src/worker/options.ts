/** What a worker is told, checked. */
import { durationMs, type Duration } from '../task/duration.ts'
import { InvalidArgumentError } from '../task/errors.ts'
import { checkedName } from '../task/limits.ts'
import { checkMembers, reading, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import type { AnyHandler, Handler } from '../task/handler.ts'
import type { AnyTask } from '../task/definition.ts'
import { checkedBudget, type ResourceOptions } from './resource-options.ts'
import { declaredBreakers, declaredLimits } from './declarations.ts'
import { versionOffers } from '../task/versions.ts'
import { resolveIsolates, type IsolateOptions, type ResolvedIsolates } from './isolates/options.ts'
import type { ResourceBudget } from '../policy/admission.ts'
import type { BreakerRule } from '../task/flow-options.ts'
import type { Allowance, LimitName } from '../store/flow.ts'
import type { LevelSlots } from '../store/port.ts'

/**
 * A handler, or a list of what a module exports: lists and functions that answer handlers are welcome too. `Tx` is
 * the type of the transactions that the store has.
 */
export type HandlerSource<Tx = unknown> =
  | Handler<AnyTask, Tx>
  | readonly HandlerSource<Tx>[]
  | (() => HandlerSource<Tx>)

/** What a worker runs, from which queues, and how much at once. */
export interface WorkerOptions<Tx = unknown> {
  /** What it can run. Tasks of other types are left alone. */
  readonly handlers: HandlerSource<Tx>
  /**
   * The queues it serves, in a list, or with a number of slots for each. Default: the queues that the
   * handlers' definitions name.
   */
  readonly queues?: readonly string[] | Readonly<Record<string, number>> | undefined
  /** Handlers that run at the same time. Default 10, or the sum of the slots in `queues`. */
  readonly concurrency?: number | undefined
  /** How long after this process died its tasks are taken over. At least 1 s, default 15 s. */
  readonly lease?: Duration | undefined
  /**
   * How long the main thread may be blocked, by a handler that gives up the thread to nobody, before the lease is left to
   * lapse and others take the tasks. A handler may have a `maxBlock` of its own. Default 60 s.
   */
  readonly maxBlock?: Duration | undefined
  /** What tasks may need. */
  readonly offers?: readonly string[] | undefined
  /** What operators see of where it runs. At most 255 characters. Default: the name of the host. */
  readonly name?: string | undefined
  /** How the priority levels share the slots. Default 16:8:4:2:1; `strict` serves a level when those above are empty, and once in 1 000 starts. */
  readonly priorities?: LevelSlots | 'strict' | undefined
  /** How long `stop` waits for running handlers. Default 25 s. */
  readonly drain?: Duration | undefined
  /**
   * Where handlers with `runIn` run, and tasks that have crashed their workers before: threads and processes that import
   * the module that exports the handlers. Default: none; such tasks then run inline as others do.
   */
  readonly isolates?: IsolateOptions | undefined
  /**
   * What its process should take of its machine: beyond it fewer slots are used, one at least. Default: no matter.
   */
  readonly budget?: ResourceOptions | undefined
}

export interface ResolvedWorkerOptions {
  readonly handlers: ReadonlyMap<string, AnyHandler>
  /** What their definitions declare of limits. */
  readonly limits: ReadonlyMap<LimitName, Allowance>
  /** Those of their definitions, by name. */
  readonly breakers: ReadonlyMap<string, BreakerRule>
  /** Slots per queue. */
  readonly queues: ReadonlyMap<string, number>
  /** Queues without a number of slots of their own: they have as many as the worker. */
  readonly followers: readonly string[]
  readonly concurrency: number
  readonly ttlMs: number
  readonly maxBlockMs: number
  readonly offers: readonly string[]
  readonly name: string | undefined
  readonly priorities: LevelSlots | 'strict' | undefined
  readonly drainMs: number
  readonly isolates: ResolvedIsolates | undefined
  readonly budget: ResourceBudget | undefined
}

const WORKER_MEMBERS: Members<WorkerOptions<never>> = {
  handlers: true,
  queues: true,
  concurrency: true,
  lease: true,
  maxBlock: true,
  offers: true,
  name: true,
  priorities: true,
  drain: true,
  isolates: true,
  budget: true,
}

const CONCURRENCY_DEFAULT = 10
const CONCURRENCY_MAX = 10_000
const LEASE_MIN_MS = 1_000

/** @throws InvalidArgumentError */
export function resolveWorkerOptions(options: WorkerOptions<never>): ResolvedWorkerOptions {
  checkMembers(options, WORKER_MEMBERS, 'the worker')
  const handlers = handlersByType(options.handlers)
  const ttlMs = durationMs(options.lease ?? '15s', 'lease')
  if (ttlMs < LEASE_MIN_MS)
    throw new InvalidArgumentError(`The lease is ${ttlMs} ms.`, { hint: 'It is 1 s at least.' })
  const { queues, followers, concurrency } = resolveQueues(options, handlers)
  return {
    handlers,
    limits: declaredLimits(handlers.values()),
    breakers: declaredBreakers(handlers.values()),
    queues,
    followers,
    concurrency,
    ttlMs,
    maxBlockMs: durationMs(options.maxBlock ?? '60s', 'maxBlock'),
    offers: [
      ...checkedOffers(options.offers ?? []).map((offer) => checkedName(offer, 'An offer')),
      ...Array.from(handlers.values(), ({ task }) => versionOffers(task.name, task.options)).flat(),
    ],
    name: checkedWorkerName(options.name),
    priorities: checkedPriorities(options.priorities),
    drainMs: durationMs(options.drain ?? '25s', 'drain'),
    isolates: resolveIsolates(options.isolates, handlers.values(), concurrency),
    budget: checkedBudget(options.budget),
  }
}

function checkedWorkerName(name: string | undefined): string | undefined {
  if (name === undefined || (typeof name === 'string' && /^[\x20-\x7E]{1,255}$/.test(name))) return name
  throw new InvalidArgumentError(`The worker's name is ${shown(name)}.`, {
    hint: 'It is a text of 1 to 255 printable ASCII characters.',
  })
}

/**
 * Handlers by the type of their tasks; one may be given twice, as where a module exports it alone and in a list.
 *
 * @throws InvalidArgumentError if there is no handler, something else, or two for one type
 */
export function handlersByType(source: HandlerSource<never>): ReadonlyMap<string, AnyHandler> {
  const handlers = new Map<string, AnyHandler>()
  for (const handler of flatten(source)) {
    const { name } = handler.task
    const known = handlers.get(name)
    if (known !== undefined && known !== handler)
      throw new InvalidArgumentError(`Two handlers are given for the task ${name}.`, {
        hint: 'Leave one of them out, or define one of the tasks under another name.',
      })
    handlers.set(name, handler)
  }
  if (handlers.size > 0) return handlers
  throw new InvalidArgumentError('No handler is given.', {
    hint: 'handlers: [task.handler(async (input, ctx) => …)]',
  })
}

function flatten(source: unknown): AnyHandler[] {
  if (typeof source === 'function') return flatten((source as () => unknown)())
  if (Array.isArray(source)) return source.flatMap(flatten)
  if (typeof source === 'object' && source !== null && '~handler' in source) return [source as AnyHandler]
  throw new InvalidArgumentError('Something that is no handler is given as one.', {
    hint: 'A handler is what task.handler(…) answers.',
  })
}

function resolveQueues(
  options: WorkerOptions<never>,
  handlers: ReadonlyMap<string, AnyHandler>,
): Pick<ResolvedWorkerOptions, 'queues' | 'followers' | 'concurrency'> {
  const { queues } = options
  if (queues === undefined || isList(queues)) {
    const concurrency = checkedSlots(options.concurrency ?? CONCURRENCY_DEFAULT, 'concurrency')
    const names = queues ?? Array.from(handlers.values(), (handler) => handler.task.options.queue)
    const followers = checkedQueues(names)
    return { queues: new Map(followers.map((name) => [name, concurrency])), followers, concurrency }
  }
  if (typeof queues !== 'object' || queues === null) {
    throw new InvalidArgumentError(`queues is ${shown(queues)}.`, { hint: QUEUES_HINT })
  }
  const given = reading('queues', () => ({ ...queues }))
  const slots = new Map(
    checkedQueues(Object.keys(given)).map((name) => [name, checkedSlots(given[name]!, `queues.${name}`)]),
  )
  const sum = [...slots.values()].reduce((total, some) => total + some, 0)
  return {
    queues: slots,
    followers: [],
    concurrency: checkedSlots(options.concurrency ?? sum, 'concurrency'),
  }
}

function isList(queues: readonly string[] | Readonly<Record<string, number>>): queues is readonly string[] {
  return Array.isArray(queues)
}

const QUEUES_HINT =
  "queues is a list, ['media'], or slots for each, { media: 20 }; without it the queues of the handlers are served."

function checkedQueues(names: readonly string[]): string[] {
  if (names.length === 0) throw new InvalidArgumentError('The worker serves no queue.', { hint: QUEUES_HINT })
  return [...new Set(names.map((name) => checkedName(name, 'A queue')))]
}

function checkedOffers(offers: readonly string[]): readonly string[] {
  const isList: boolean = Array.isArray(offers)
  if (isList) return offers
  throw new InvalidArgumentError(`offers is ${shown(offers)}, which is no list.`, {
    hint: "Give a list, also for a single one: ['gpu'].",
  })
}

/** @throws InvalidArgumentError */
export function checkedSlots(slots: number, what: string): number {
  if (Number.isInteger(slots) && slots >= 1 && slots <= CONCURRENCY_MAX) return slots
  throw new InvalidArgumentError(`${what} is ${shown(slots)}.`, {
    hint: `It is a whole number from 1 to ${CONCURRENCY_MAX}.`,
  })
}

function checkedPriorities(priorities: WorkerOptions['priorities']): LevelSlots | 'strict' | undefined {
  if (priorities === undefined || priorities === 'strict') return priorities
  if (
    Array.isArray(priorities) &&
    priorities.length === 5 &&
    priorities.every((weight) => Number.isInteger(weight) && weight >= 1 && weight <= 1_000)
  )
    return priorities
  throw new InvalidArgumentError('priorities are no five weights.', {
    hint: "Five whole numbers from 1 to 1 000, from critical to batch, or 'strict'.",
  })
}
