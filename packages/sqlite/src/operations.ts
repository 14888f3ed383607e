/** What the thread does, by name: what writes, and what only reads. */
import { add } from './adding.ts'
import { audit } from './audit.ts'
import { budgets, configureBudget, spend, usage } from './budgets.ts'
import { command, configureQueue } from './commanding.ts'
import { exchange } from './exchanging.ts'
import { openGate } from './gates.ts'
import { definitions, dueSoon, get, list, outcomes, queues, sessions } from './inspector.ts'
import { configurePartition, partitions } from './lanes.ts'
import { configureLimit, limits, recount, removeLimit } from './limit-settings.ts'
import { acquireLock, locks, releaseLock, renewLock } from './locks.ts'
import { reclaim } from './reclaiming.ts'
import { dueSchedules, putSchedule, removeSchedule, schedule, schedules, tick } from './schedules.ts'
import { closeSession, openSession, orderSession, renew } from './sessions.ts'
import { standing } from './standing.ts'
import { deliver, prune, sweep } from './upkeep.ts'
import { waitingRoutes } from './waiting-routes.ts'
import type { Pass } from './home.ts'
import type { OperationName, Operations } from './wire.ts'

type Operation<K extends OperationName> = (
  pass: Pass,
  request: Parameters<Operations[K]>[0],
) => ReturnType<Operations[K]>

const WRITES = {
  add,
  exchange,
  reclaim,
  openSession,
  renew,
  orderSession,
  closeSession,
  sweep,
  deliver,
  prune,
  command,
  configureQueue,
  configureLimit,
  removeLimit,
  configurePartition,
  recount,
  repair: audit,
  configureBudget,
  spend,
  openGate,
  putSchedule,
  removeSchedule,
  tick,
  acquireLock,
  renewLock,
  releaseLock,
} as const satisfies { readonly [K in OperationName]?: Operation<K> }

const READS = {
  audit,
  get,
  outcomes,
  list,
  queues,
  waitingRoutes,
  dueSoon,
  standing,
  sessions,
  definitions,
  limits,
  partitions,
  budgets,
  usage,
  schedule,
  schedules,
  dueSchedules,
  locks,
  now: (pass: Pass): number => pass.now,
} as const satisfies { readonly [K in OperationName]?: Operation<K> }

/** An operation with its request. */
export type Bound = (pass: Pass) => unknown

/** A call that writes, as it is to be done; `undefined`: it does not write. */
export function writing(operation: OperationName, request: unknown): Bound | undefined {
  return bound(WRITES, operation, request)
}

/** A call that only reads, as it is to be done; `undefined`: it is none. */
export function reading(operation: OperationName, request: unknown): Bound | undefined {
  return bound(READS, operation, request)
}

function bound(operations: object, operation: OperationName, request: unknown): Bound | undefined {
  const found = (operations as Partial<Record<OperationName, (pass: Pass, request: unknown) => unknown>>)[
    operation
  ]
  return found === undefined ? undefined : (pass) => found(pass, request)
}
