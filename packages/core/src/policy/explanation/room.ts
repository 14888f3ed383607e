/** What has no room for a task that is due: limits, breakers, workers, and who comes before it. */
import { admittedAt, UNUSED } from '../limits.ts'
import { breakerLimit } from '../../task/flow-options.ts'
import { whyBusy, whyLeft } from './workers.ts'
import type { LimitRecord } from '../../store/flow.ts'
import type { LaneLimit, TaskRecord } from '../../store/records.ts'
import type { TaskFacts } from './facts.ts'
import type { Reason } from './reasons.ts'

const BREAKER = breakerLimit('')

/** All that a task counts under: its queue, its type, and the keys of its lane. */
export function countsUnder({
  queue,
  type,
  lane,
}: Pick<TaskRecord, 'queue' | 'type' | 'lane'>): readonly LaneLimit[] {
  return [
    { name: `queue:${queue}`, key: '', cost: 1 },
    { name: `type:${type}`, key: '', cost: 1 },
    ...(lane?.limits ?? []),
  ]
}

export function whyNoRoom(facts: TaskFacts): readonly Reason[] {
  const under = countsUnder(facts.task).flatMap((of) => {
    const limit = facts.limits.find(({ name }) => name === of.name)
    return limit === undefined ? [] : [{ of, limit }]
  })
  const breakers = under.filter(({ of }) => of.name.startsWith(BREAKER))
  const others = under.filter(({ of }) => !of.name.startsWith(BREAKER))
  return [
    ...breakers.flatMap(({ of, limit }) => whyBroken(of, limit, facts.now)),
    ...others.flatMap(({ of, limit }) => whyLimited(of, limit, facts.now)),
    ...whyLeft(facts),
    ...whyBusy(facts),
    ...whyBehind(facts),
  ]
}

function whyBroken({ name, key }: LaneLimit, limit: LimitRecord, now: number): readonly Reason[] {
  const breaker = name.slice(BREAKER.length)
  const { used, until, concurrency } = useOf(limit, key)
  if (until > now) return [{ code: 'breaker-open', breaker, until }]
  if (concurrency !== null && used >= concurrency)
    return [{ code: 'breaker-probing', breaker, probes: concurrency }]
  return []
}

function whyLimited(
  { name: limit, key, cost }: LaneLimit,
  record: LimitRecord,
  now: number,
): readonly Reason[] {
  const { used, until, concurrency, arrivalAt } = useOf(record, key)
  const { rate } = record.allowance
  if (until > now) return [{ code: 'limit-shut', limit, key, until }]
  if (concurrency !== null && used >= concurrency)
    return [{ code: 'limit-full', limit, key, concurrency, used }]
  if (rate === null) return []
  const at = Math.ceil(admittedAt(rate, arrivalAt, { now, cost }))
  return at > now ? [{ code: 'rate-full', limit, key, rate: rate.limit, perMs: rate.perMs, until: at }] : []
}

interface Use {
  readonly used: number
  readonly arrivalAt: number
  /** Shut until then, as a whole or under this key. */
  readonly until: number
  readonly concurrency: number | null
}

function useOf({ keys, shutUntil, allowance }: LimitRecord, key: string): Use {
  const usage = keys.find((one) => one.key === key) ?? UNUSED
  const { used, arrivalAt } = usage
  return { used, arrivalAt, until: Math.max(shutUntil, usage.shutUntil), concurrency: allowance.concurrency }
}

function whyBehind({ task, standing, weight }: TaskFacts): readonly Reason[] {
  const before = standing?.before ?? null
  if (before === null) return []
  const { higher, same, counted } = before
  if (higher + same === 0 && counted === 'all') return []
  const partition = task.lane?.partition ?? null
  const inTurn = partition !== null && task.lane?.fifo !== true && same > 0
  return [
    { code: 'behind', higher, same, counted },
    ...(inTurn ? [{ code: 'takes-turns', partition, weight } as const] : []),
  ]
}
