/** Who may set limits, budgets, schedules and locks, which belong to no queue, and who may read them. */
import { AccessError } from '@millrace/core'
import type { BudgetScope, LimitRecord, LimitSettings } from '@millrace/core/store'
import {
  LOOKING,
  mayAllEverywhere,
  mayAny,
  mayLead,
  pageOf,
  type StorePolicies,
  type StoreScene,
} from './policy.ts'
import type { Caller } from '../../access/caller.ts'
import type { Permission } from '../../access/roles.ts'

/** Whoever leads the upkeep of a store holds this lock: the server does, for those who may not. */
const UPKEEP_LOCK = '~upkeep'
const UPKEEP_LEASE_MS = 15_000

/** Who enqueues keeps to budgets, too. */
const BUDGETING: readonly Permission[] = ['enqueue', 'view', 'work']

export const LIMITING: StorePolicies<
  'configureLimit' | 'removeLimit' | 'limits' | 'configurePartition' | 'partitions' | 'recount'
> = {
  /** See `declare`. */
  configureLimit: {
    permissions: ['operate', 'work'],
    reach: 'all',
    async carry(request, scene) {
      if (mayLimit(scene.caller, request)) return scene.store.configureLimit(request)
      if (request.by === 'user') scene.caller.requireEverywhere('operate')
      scene.caller.requireAnywhere('work')
      return declare(request, scene)
    },
  },
  removeLimit: {
    permissions: ['operate'],
    reach: 'all',
    async carry(name, { caller, store }) {
      if (!mayOperateLimit(caller, name)) caller.requireEverywhere('operate')
      await store.removeLimit(name)
    },
  },
  /** What a name allows is told to those who know it; its keys are of all queues. */
  limits: {
    permissions: LOOKING,
    reach: 'all or nothing',
    async carry(asked, { caller, store }) {
      const request = { ...asked, limit: pageOf(asked.limit) }
      if (mayAllEverywhere(caller, LOOKING)) return store.limits(request)
      if (request.names === null) return { limits: [], next: null }
      const { limits, next } = await store.limits({ ...request, keysMax: 0, keys: undefined })
      return { limits: limits.map((limit): LimitRecord => ({ ...limit, keys: [] })), next }
    },
  },
  configurePartition: {
    permissions: ['operate'],
    reach: 'all',
    carry: (request, { caller, store }) => {
      caller.requireEverywhere('operate')
      return store.configurePartition(request)
    },
  },
  partitions: {
    permissions: LOOKING,
    reach: 'all or nothing',
    carry: async (_, { caller, store }) => (mayAllEverywhere(caller, LOOKING) ? store.partitions() : []),
  },
  recount: {
    permissions: ['administer'],
    reach: 'all',
    carry: (_, { caller, store }) => {
      caller.requireEverywhere('administer')
      return store.recount()
    },
  },
}

export const BUDGETS: StorePolicies<'configureBudget' | 'budgets' | 'usage' | 'spend'> = {
  configureBudget: {
    permissions: ['operate'],
    reach: 'each',
    carry: (request, { caller, store }) => {
      const { kind, name } = request.scope
      if (kind === 'queue') caller.require('operate', name)
      else caller.requireEverywhere('operate')
      return store.configureBudget(request)
    },
  },
  /** Partitions are in all queues: those who enqueue into any of them keep to their budgets. */
  budgets: {
    permissions: BUDGETING,
    reach: 'seen',
    carry: async (_, { caller, store }) =>
      (await store.budgets()).filter(({ scope }) => mayBudget(caller, scope)),
  },
  /** Of queues that it may not see a credential is told that they are empty. */
  usage: {
    permissions: BUDGETING,
    reach: 'seen',
    async carry(questions, { caller, store }) {
      const seen = questions.map(({ scope }) => mayBudget(caller, scope))
      const { now, usages } = await store.usage(questions.filter((_, index) => seen[index]))
      const answers = usages.values()
      const nothing = { tasks: 0, bytes: 0, spent: { tasks: 0, handlerMs: 0 } }
      return { now, usages: seen.map((one) => (one ? (answers.next().value ?? nothing) : nothing)) }
    },
  },
  spend: {
    permissions: ['enqueue', 'work'],
    reach: 'seen',
    carry: (request, { caller, store, budgets }) => {
      const seen = request.spendings.filter(({ scope }) => mayBudget(caller, scope))
      // who judges what is added also counts it: what callers say of it would be counted twice
      const spendings = budgets === undefined ? seen : seen.map((one) => ({ ...one, tasks: 0 }))
      return store.spend({ ...request, spendings })
    },
  },
}

export const SCHEDULES: StorePolicies<
  'putSchedule' | 'removeSchedule' | 'schedule' | 'schedules' | 'dueSchedules' | 'tick'
> = {
  putSchedule: {
    permissions: ['operate'],
    reach: 'all',
    carry: (request, { caller, store }) => {
      caller.requireEverywhere('operate')
      return store.putSchedule(request)
    },
  },
  removeSchedule: {
    permissions: ['operate'],
    reach: 'all',
    carry: (name, { caller, store }) => {
      caller.requireEverywhere('operate')
      return store.removeSchedule(name)
    },
  },
  schedule: {
    permissions: LOOKING,
    reach: 'all or nothing',
    carry: async (name, { caller, store }) =>
      mayAllEverywhere(caller, LOOKING) ? store.schedule(name) : null,
  },
  schedules: {
    permissions: LOOKING,
    reach: 'all or nothing',
    carry: async (request, { caller, store }) =>
      mayAllEverywhere(caller, LOOKING) ? store.schedules({ ...request, limit: pageOf(request.limit) }) : [],
  },
  dueSchedules: {
    permissions: LOOKING,
    reach: 'all or nothing',
    async carry(request, { caller, store }) {
      if (mayAllEverywhere(caller, LOOKING)) return store.dueSchedules(request)
      return { now: await store.now(), due: [], nextInMs: null }
    },
  },
  /** It enqueues what its caller says into whichever queue, and says when the schedule fires next, or that it never does. */
  tick: {
    permissions: ['work'],
    reach: 'all or nothing',
    carry: async (request, { caller, store }) =>
      mayLead(caller) ? store.tick(request) : { outcome: 'stale' },
  },
}

export const LOCKS: StorePolicies<'acquireLock' | 'renewLock' | 'releaseLock' | 'locks'> = {
  acquireLock: {
    permissions: ['work'],
    reach: 'all',
    async carry(request, { caller, store }) {
      if (isLedBy(request.name, caller)) return { outcome: 'held', endsInMs: UPKEEP_LEASE_MS }
      caller.requireEverywhere('work')
      return store.acquireLock(request)
    },
  },
  renewLock: {
    permissions: ['work'],
    reach: 'all',
    async carry(request, { caller, store }) {
      if (isLedBy(request.name, caller)) return 'lost'
      caller.requireEverywhere('work')
      return store.renewLock(request)
    },
  },
  releaseLock: {
    permissions: ['work'],
    reach: 'all',
    async carry(request, { caller, store }) {
      if (isLedBy(request.name, caller)) return 'lost'
      caller.requireEverywhere('work')
      return store.releaseLock(request)
    },
  },
  locks: {
    permissions: LOOKING,
    reach: 'all or nothing',
    carry: async (_, { caller, store }) => (mayAllEverywhere(caller, LOOKING) ? store.locks() : []),
  },
}

/** Whether the server leads the upkeep instead of this caller. */
function isLedBy(name: string, caller: Caller): boolean {
  return name === UPKEEP_LOCK && !mayLead(caller)
}

/** What users set is for operators, what code declares for whoever works everywhere. */
function mayLimit(caller: Caller, { name, by }: LimitSettings): boolean {
  if (mayOperateLimit(caller, name)) return true
  const isOfCode = by === 'code' ? !/^(?:queue|type|breaker):/.test(name) : name.startsWith('breaker:')
  return by !== 'user' && isOfCode && caller.mayEverywhere('work')
}

/** The limit of a queue belongs to it. */
function mayOperateLimit(caller: Caller, name: string): boolean {
  return (
    caller.mayEverywhere('operate') ||
    (name.startsWith('queue:') && caller.may('operate', name.slice('queue:'.length)))
  )
}

/**
 * A worker for some queues declares the limits of its code when it starts. It may be the first to do so. What is there
 * already holds for other queues, too, and stays: it is told so, and works on. A circuit breaker, which its worker
 * opens, is left as it is for the same reason.
 */
async function declare(
  request: LimitSettings,
  { caller, store }: StoreScene,
): Promise<'applied' | 'outdated'> {
  if (request.by === 'breaker') return 'outdated'
  if (/^(?:queue|type|breaker):/.test(request.name))
    throw new AccessError('forbidden', `The credential ${caller.name} may not set the limit ${request.name}.`)
  return store.configureLimit({ ...request, version: 0 })
}

function mayBudget(caller: Caller, { kind, name }: BudgetScope): boolean {
  return kind === 'partition' || mayAny(caller, BUDGETING, name)
}
