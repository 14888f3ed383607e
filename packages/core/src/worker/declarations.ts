/** What the definitions of a worker declare of limits goes to the store, unless users have set something else there. */
import { InvalidArgumentError } from '../task/errors.ts'
import { BREAKER_DEFAULT, type BreakerRule } from '../task/flow-options.ts'
import { newNonce } from '../task/ids.ts'
import type { AnyHandler } from '../task/handler.ts'
import type { Allowance, LimitName, LimitRecord } from '../store/flow.ts'
import type { Connection } from '../client/connection.ts'

/** How often a declaration is made anew when somebody else was faster. */
const TRIES_MAX = 5

/** Limits by name. @throws InvalidArgumentError if two definitions do not agree about one */
export function declaredLimits(handlers: Iterable<AnyHandler>): ReadonlyMap<LimitName, Allowance> {
  const declared = new Map<LimitName, Allowance>()
  for (const { task } of handlers) {
    for (const [name, allowance] of task.flow?.declared ?? []) {
      const other = declared.get(name)
      if (other !== undefined && !sameAllowance(other, allowance)) {
        throw new InvalidArgumentError(`Two definitions declare the limit ${name} differently.`, {
          hint: 'Declare how much is allowed in one of them; the others only name the limit, and its key.',
        })
      }
      declared.set(name, allowance)
    }
  }
  return declared
}

/** Breakers by name. @throws InvalidArgumentError if two definitions do not agree about one */
export function declaredBreakers(handlers: Iterable<AnyHandler>): ReadonlyMap<string, BreakerRule> {
  const named = new Set<string>()
  const declared = new Map<string, BreakerRule>()
  for (const { task } of handlers) {
    const breaker = task.flow?.breaker
    if (breaker === undefined) continue
    const { name, rule } = breaker
    named.add(name)
    const other = declared.get(name)
    if (rule !== undefined && other !== undefined && !sameRule(rule, other)) {
      throw new InvalidArgumentError(`Two definitions declare the breaker ${name} differently.`, {
        hint: 'Declare when it opens in one of them; the others only name it, and what counts: { name, counts }.',
      })
    }
    if (rule !== undefined) declared.set(name, rule)
  }
  return new Map(Array.from(named, (name) => [name, declared.get(name) ?? BREAKER_DEFAULT]))
}

function sameRule(one: BreakerRule, other: BreakerRule): boolean {
  const [a, b] = [one.policy, other.policy]
  const samePolicy =
    a.share === b.share &&
    a.of === b.of &&
    a.withinMs === b.withinMs &&
    a.openMs === b.openMs &&
    a.probes === b.probes
  return samePolicy && one.trips === other.trips
}

/** What users have set stays; what code has declared before gives way. */
export async function declareLimits(
  connection: Connection,
  declared: ReadonlyMap<LimitName, Allowance>,
): Promise<void> {
  let open = [...declared.keys()]
  for (let tries = 1; open.length > 0 && tries <= TRIES_MAX; tries++) {
    const known = await limitsNamed(connection, open)
    const outdated: LimitName[] = []
    for (const name of open) {
      const allowance = declared.get(name)!
      const record = known.get(name)
      // what has no version was set by nobody: a handler has shut one of its keys
      const isSet = record !== undefined && record.version > 0
      if (isSet && (record.by !== 'code' || sameAllowance(record.allowance, allowance))) continue
      const setting = { name, allowance, version: record?.version ?? 0, shutMs: null, by: 'code' } as const
      const request = { ...setting, nonce: newNonce(connection.platform) }
      if ((await connection.call((store) => store.configureLimit(request), 'insists')) === 'outdated')
        outdated.push(name)
    }
    open = outdated
  }
  if (open.length > 0)
    connection.logger.warn(
      { limits: open },
      'others keep changing these limits: what is declared was not set',
    )
}

export async function limitsNamed(
  connection: Connection,
  names: readonly LimitName[],
): Promise<ReadonlyMap<LimitName, LimitRecord>> {
  const request = { names, limit: names.length, cursor: null, keysMax: 0 }
  const { limits } = await connection.read((store) => store.limits(request), 'insists')
  return new Map(limits.map((record) => [record.name, record]))
}

function sameAllowance(one: Allowance, other: Allowance): boolean {
  const [a, b] = [one.rate, other.rate]
  const sameRate =
    a === b || (a !== null && b !== null && a.limit === b.limit && a.perMs === b.perMs && a.burst === b.burst)
  return one.concurrency === other.concurrency && sameRate
}
