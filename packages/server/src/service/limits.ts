/** Limits, breakers, partitions, budgets and locks: what holds across queues, or belongs to one. */
import type { BudgetReference, Duration, LimitReference, Mill } from '@millrace/core'
import type { Budget, LimitRecord } from '@millrace/core/store'
import { z } from 'zod'
import { defineCall, type Scene } from './call.ts'
import { InvalidRequestError } from './errors.ts'
import {
  DONE,
  Done,
  Key,
  about,
  Name,
  said,
  Nothing,
  Span,
  spanMs,
  timeText,
  timeTextOrNull,
  Time,
} from './schemas/common.ts'
import { shownValue } from './shown.ts'

const COUNT_MAX = 1_000_000

const Count = z.int().min(1).max(COUNT_MAX)
const PER_MAX_MS = 31 * 86_400_000

const Per = Span.refine((span) => spanMs(span) >= 1 && spanMs(span) <= PER_MAX_MS, 'It is 1 ms to 31 days.')

const Rate = z.strictObject({ limit: Count, per: Per, burst: Count.optional() })

/** How much is allowed under a limit: what is let through core takes, too. */
export const limitSetting = z
  .strictObject({
    concurrency: said(Count, 'So many at the same time.'),
    rate: said(Rate, 'So many in a time; so many at once by `burst`, which is the limit otherwise.'),
  })
  .refine(({ concurrency, rate }) => concurrency !== undefined || rate !== undefined, 'It limits nothing.')
  .meta({ id: 'LimitSetting', description: 'How much is allowed: one of them at least.' })

export const AllowanceShape = z
  .strictObject({
    concurrency: z.number().nullable(),
    rate: z.strictObject({ limit: z.number(), perMs: z.number(), burst: z.number() }).nullable(),
  })
  .meta({ id: 'Allowance' })

export function shownAllowance({
  concurrency,
  rate,
}: LimitRecord['allowance']): z.input<typeof AllowanceShape> {
  return { concurrency, rate: rate === null ? null : { ...rate } }
}

const LimitName = z
  .string()
  .regex(/^((queue|type):)?[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/)
  .meta({
    description: 'The name of a limit; `queue:NAME` is that of a queue, `type:NAME` that of a task type.',
  })

export const listLimits = defineCall({
  name: 'limits.list',
  summary: 'Lists the limits on concurrency and rates, each with the keys that are used most.',
  permission: 'view',
  input: Nothing,
  output: z
    .strictObject({
      limits: z.array(
        z.strictObject({
          name: z.string(),
          by: z.enum(['code', 'user', 'breaker']),
          allowance: AllowanceShape,
          configuredAt: Time,
          keys: z.array(z.strictObject({ key: z.string(), used: z.number() })),
        }),
      ),
    })
    .meta({ id: 'Limits' }),
  example: {},
  async run(_, scene) {
    const all = await scene.mill.limits.list()
    return {
      limits: all
        .filter(({ name }) => mayAbout(scene, 'view', name))
        .map(({ name, by, allowance, configuredAt, keys }) => ({
          name,
          by,
          allowance: shownAllowance(allowance),
          configuredAt: timeText(configuredAt),
          keys: keys.map(({ key, used }) => {
            const place = { what: 'key', type: '', queue: '' } as const
            return { key: shownValue(key, place, scene), used }
          }),
        })),
    }
  },
})

export const putLimit = defineCall({
  name: 'limits.put',
  summary: 'Says how much is allowed under a name, on all workers together, from now on.',
  permission: 'operate',
  input: z.strictObject({ name: LimitName, ...limitSetting.shape }),
  output: Done,
  example: { name: 'stripe', rate: { limit: 100, per: '1s' } },
  audited: (input) => input,
  async run({ name, ...setting }, scene) {
    requireAbout(scene, 'operate', name)
    const rate =
      setting.rate === undefined ? undefined : { ...setting.rate, per: setting.rate.per as Duration }
    await scene.mill.limits.put(limitOf(name), { concurrency: setting.concurrency, rate })
    return DONE
  },
})

export const removeLimit = defineCall({
  name: 'limits.remove',
  summary: 'Lifts a limit, until it is put again or a worker that declares it starts.',
  permission: 'operate',
  input: z.strictObject({ name: LimitName }),
  output: Done,
  example: { name: 'stripe' },
  audited: ({ name }) => ({ name }),
  async run({ name }, scene) {
    requireAbout(scene, 'operate', name)
    await scene.mill.limits.remove(limitOf(name))
    return DONE
  },
})

const QUEUE = 'queue:'
const TYPE = 'type:'

function limitOf(name: string): LimitReference {
  if (name.startsWith(QUEUE)) return { queue: name.slice(QUEUE.length) }
  return name.startsWith(TYPE) ? { type: name.slice(TYPE.length) } : name
}

/** The limit of a queue belongs to that; all others to nobody in particular. */
function mayAbout({ caller }: Pick<Scene, 'caller'>, permission: 'view' | 'operate', name: string): boolean {
  if (name.startsWith(QUEUE)) return caller.may(permission, name.slice(QUEUE.length))
  return caller.mayEverywhere(permission)
}

function requireAbout({ caller }: Pick<Scene, 'caller'>, permission: 'view' | 'operate', name: string): void {
  if (name.startsWith(QUEUE)) caller.require(permission, name.slice(QUEUE.length))
  else caller.requireEverywhere(permission)
}

export const listBreakers = defineCall({
  name: 'breakers.list',
  summary: 'Lists the circuit breakers that ever opened, or were tripped.',
  permission: 'view',
  input: Nothing,
  output: z
    .strictObject({
      breakers: z.array(
        z.strictObject({
          name: z.string(),
          state: z.string(),
          opensAt: Time.nullable().meta({ description: 'When probes begin, while it is open.' }),
          changedAt: Time,
        }),
      ),
    })
    .meta({ id: 'Breakers' }),
  example: {},
  async run(_, { caller, mill }) {
    caller.requireEverywhere('view')
    const breakers = (await mill.breakers.list()).map(({ name, state, opensAt, changedAt }) => {
      return { name, state, opensAt: timeTextOrNull(opensAt), changedAt: timeText(changedAt) }
    })
    return { breakers }
  },
})

const BreakerName = about(Name, 'Of the breaker.')

export const tripBreaker = defineCall({
  name: 'breakers.trip',
  summary: 'Opens a breaker: nothing that needs it starts for a while, and then probes do.',
  permission: 'operate',
  input: z.strictObject({ name: BreakerName, for: said(Span, 'Default 30s.') }),
  output: Done,
  example: { name: 'stripe', for: '5m' },
  audited: (input) => input,
  async run({ name, for: span }, { caller, mill }) {
    caller.requireEverywhere('operate')
    await mill.breakers.trip(name, { for: span as Duration | undefined })
    return DONE
  },
})

export const resetBreaker = defineCall({
  name: 'breakers.reset',
  summary: 'Closes a breaker at once.',
  permission: 'operate',
  input: z.strictObject({ name: BreakerName }),
  output: Done,
  example: { name: 'stripe' },
  audited: ({ name }) => ({ name }),
  async run({ name }, { caller, mill }) {
    caller.requireEverywhere('operate')
    await mill.breakers.reset(name)
    return DONE
  },
})

const WEIGHT_MAX = 1_000

export const listPartitions = defineCall({
  name: 'partitions.list',
  summary: 'Lists the partitions that have a weight of their own.',
  permission: 'view',
  input: Nothing,
  output: z
    .strictObject({ partitions: z.array(z.strictObject({ partition: z.string(), weight: z.int() })) })
    .meta({ id: 'Partitions' }),
  example: {},
  async run(_, scene) {
    scene.caller.requireEverywhere('view')
    const place = { what: 'key', type: '', queue: '' } as const
    const found = await scene.mill.partitions.list()
    return {
      partitions: found.map(({ partition, weight }) => {
        return { partition: shownValue(partition, place, scene), weight }
      }),
    }
  },
})

export const putPartition = defineCall({
  name: 'partitions.put',
  summary: 'Says how many times the turns of others a partition gets, in all queues.',
  permission: 'operate',
  input: z.strictObject({
    partition: about(Key, 'Its key.'),
    weight: z.int().min(1).max(WEIGHT_MAX).nullable().meta({ description: 'null goes back to 1.' }),
  }),
  output: Done,
  example: { partition: 'acme', weight: 3 },
  audited: (input) => input,
  async run({ partition, weight }, { caller, mill }) {
    caller.requireEverywhere('operate')
    await mill.partitions.put(partition, { weight })
    return DONE
  },
})

const Amount = z.int().min(0)

const budgetTarget = {
  queue: said(Name, 'For this queue.'),
  partition: Key.optional().meta({
    description: 'In all queues; `*` is each that has no budget of its own.',
  }),
}

interface BudgetTarget {
  readonly queue?: string | undefined
  readonly partition?: string | undefined
}

const BudgetShape = z
  .strictObject({
    kind: z.enum(['queue', 'partition']),
    name: z.string(),
    budget: z.strictObject({
      tasks: z.number().nullable(),
      bytes: z.number().nullable(),
      quota: z
        .strictObject({
          tasks: z.number().nullable(),
          handlerMs: z.number().nullable(),
          perMs: z.number(),
        })
        .nullable(),
    }),
    tasks: z.number(),
    bytes: z.number(),
    spent: z.strictObject({ tasks: z.number(), handlerMs: z.number() }),
    periodEndsAt: Time.nullable(),
  })
  .meta({ id: 'Budget', description: 'What a queue or partition may hold and use, and what there is.' })

export const listBudgets = defineCall({
  name: 'budgets.list',
  summary: 'Lists the budgets of queues and partitions, and what is used of them.',
  permission: 'view',
  input: Nothing,
  output: z.strictObject({ budgets: z.array(BudgetShape) }).meta({ id: 'Budgets' }),
  example: {},
  async run(_, scene) {
    const { caller, mill } = scene
    const seen = (await mill.budgets.list()).filter(({ scope: { kind, name } }) =>
      kind === 'queue' ? caller.may('view', name) : caller.mayEverywhere('view'),
    )
    return { budgets: seen.map((status) => shownBudget(status, scene)) }
  },
})

type BudgetStatus = Awaited<ReturnType<Mill['budgets']['list']>>[number]

function shownBudget(
  { scope: { kind, name }, budget, tasks, bytes, spent, periodEndsAt }: BudgetStatus,
  scene: Scene,
): z.input<typeof BudgetShape> {
  const shown = kind === 'queue' ? name : shownValue(name, { what: 'key', type: '', queue: '' }, scene)
  const allowed = { ...budget, quota: quotaOf(budget) }
  return {
    kind,
    name: shown,
    budget: allowed,
    tasks,
    bytes,
    spent: { ...spent },
    periodEndsAt: timeTextOrNull(periodEndsAt),
  }
}

function quotaOf({ quota }: Budget): z.input<typeof BudgetShape>['budget']['quota'] {
  return quota === null ? null : { ...quota }
}

const Quota = z.strictObject({ tasks: Amount.optional(), handlerTime: Span.optional(), per: Span })

export const putBudget = defineCall({
  name: 'budgets.put',
  summary: 'Says how much a queue or a partition may hold, and use in a time.',
  permission: 'operate',
  input: z.strictObject({
    ...budgetTarget,
    tasks: said(Amount, 'So many may wait and run.'),
    bytes: said(Amount, 'So much may they take.'),
    quota: said(Quota, 'So many tasks may start, and their handlers take so long together, in so long.'),
  }),
  output: Done,
  example: { queue: 'default', tasks: 100_000, quota: { tasks: 10_000, per: '1h' } },
  audited: (input) => input,
  async run({ queue, partition, quota, ...rest }, scene) {
    const reference = budgetOf({ queue, partition }, scene)
    const handlerTime = quota?.handlerTime as Duration | undefined
    const uses = quota && { tasks: quota.tasks, handlerTime, per: quota.per as Duration }
    await scene.mill.budgets.put(reference, { ...rest, quota: uses })
    return DONE
  },
})

export const removeBudget = defineCall({
  name: 'budgets.remove',
  summary: 'Lifts a budget.',
  permission: 'operate',
  input: z.strictObject(budgetTarget),
  output: Done,
  example: { queue: 'default' },
  audited: (input) => input,
  async run(target, scene) {
    await scene.mill.budgets.remove(budgetOf(target, scene))
    return DONE
  },
})

/** @throws InvalidRequestError, AccessError */
function budgetOf({ queue, partition }: BudgetTarget, { caller }: Pick<Scene, 'caller'>): BudgetReference {
  if (queue !== undefined && partition === undefined) {
    caller.require('operate', queue)
    return { queue }
  }
  if (partition === undefined || queue !== undefined)
    throw new InvalidRequestError('A budget is for a queue or for a partition.', [], 'Give one of them.')
  caller.requireEverywhere('operate')
  return { partition }
}

export const listLocks = defineCall({
  name: 'locks.list',
  summary: 'Lists the locks that are held.',
  permission: 'view',
  input: Nothing,
  output: z
    .strictObject({
      locks: z.array(
        z.strictObject({ name: z.string(), token: z.number(), holder: z.string(), since: Time, until: Time }),
      ),
    })
    .meta({ id: 'Locks' }),
  example: {},
  async run(_, { caller, mill }) {
    caller.requireEverywhere('view')
    const locks = (await mill.locks()).map(({ name, token, holder, since, until }) => {
      return { name, token, holder, since: timeText(since), until: timeText(until) }
    })
    return { locks }
  },
})
