/** What a rule for a method of the port is. */
import type { ServedBudgets } from '@millrace/core'
import type { Store } from '@millrace/core/store'
import type { Given, PortMethod, Taken } from '../../wire/methods.ts'
import type { Caller } from '../../access/caller.ts'
import type { Permission } from '../../access/roles.ts'
import type { SessionOwners } from './session-owners.ts'
import type { TaskQueues } from './task-queues.ts'

/**
 * How far a permission has to go:
 * - `each`: it is needed in each queue that the request names; else the call is refused as a whole, before anything is written.
 * - `own`: as `each`, and the session has to be the caller's own.
 * - `seen`: what is in other queues is left out of the answer, and is not touched.
 * - `all`: it is needed in all queues, since what it is about belongs to none; else the call is refused.
 * - `all or nothing`: who has it not in all queues is told that there is nothing: the server looks after that by itself.
 * - `any`: it is needed in any queue.
 */
export type Reach = 'each' | 'own' | 'seen' | 'all' | 'all or nothing' | 'any'

/** With what a call is carried out. */
export interface StoreScene {
  readonly caller: Caller
  readonly store: Store
  readonly owners: SessionOwners
  readonly queues: TaskQueues
  /** By which what is added is judged. Left out: it is not. */
  readonly budgets?: ServedBudgets | undefined
}

/** What was let in. */
export type ServedAdmission = NonNullable<Awaited<ReturnType<ServedBudgets['admit']>>>

/** Who may call a method, and what the call does for them. */
export interface StorePolicy<M extends PortMethod> {
  /** Any of them is needed, for any queue at least. */
  readonly permissions: readonly Permission[]
  readonly reach: Reach
  /** @throws AccessError, and what the store throws */
  carry(taken: Taken<M>, scene: StoreScene): Promise<Given<M>>
}

/** The rules of some methods. */
export type StorePolicies<M extends PortMethod = PortMethod> = { readonly [K in M]: StorePolicy<K> }

/** Whether any of these is permitted in all queues. */
export function mayAllEverywhere(caller: Caller, permissions: readonly Permission[]): boolean {
  return permissions.some((permission) => caller.mayEverywhere(permission))
}

/** Whether any of these is permitted in the queue. */
export function mayAny(caller: Caller, permissions: readonly Permission[], queue: string): boolean {
  return permissions.some((permission) => caller.may(permission, queue))
}

/**
 * Whether it may lead the upkeep. Who leads says for how long tasks are kept, and when schedules fire: that is an
 * operator's word, so a worker alone does not, and the server leads in its place.
 */
export function mayLead(caller: Caller): boolean {
  return caller.mayEverywhere('work') && caller.mayEverywhere('operate')
}

/** Payloads and results of one answer, as the port has it for requests: who asks for more is given less, and asks again. */
export const BYTES_MAX: number = 8 * 1_048_576
/** Tasks or limits of one page. */
const PAGE_MAX = 1_000

/** How many are asked for, as far as the port answers that: who asks for none gets one, since a page leads to the next. */
export function pageOf(limit: number): number {
  return Math.min(Math.max(limit, 1), PAGE_MAX)
}

/** Who looks at queues: those who run their tasks see them, too. */
export const LOOKING: readonly Permission[] = ['view', 'work']
/** Who may see a task whose id is known. */
export const FOLLOWING: readonly Permission[] = ['follow', 'view', 'work']
