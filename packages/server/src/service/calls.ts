/** All calls that there are. */
import type { Call } from './call.ts'
import * as limits from './limits.ts'
import * as queues from './queues.ts'
import * as schedules from './schedules.ts'
import * as actions from './tasks/actions.ts'
import { enqueueMany } from './tasks/enqueue-many.ts'
import { enqueue } from './tasks/enqueue.ts'
import * as reading from './tasks/reading.ts'
import { result } from './tasks/waiting.ts'
import * as workers from './workers.ts'

const ALL = [
  enqueue,
  enqueueMany,
  reading.list,
  reading.get,
  result,
  reading.history,
  reading.explain,
  actions.cancel,
  actions.retry,
  actions.edit,
  actions.setPriority,
  actions.hold,
  actions.release,
  actions.remove,
  actions.act,
  reading.dead,
  queues.list,
  queues.get,
  queues.pause,
  queues.resume,
  queues.configure,
  queues.stats,
  schedules.list,
  schedules.put,
  schedules.get,
  schedules.pause,
  schedules.resume,
  schedules.trigger,
  schedules.backfill,
  schedules.preview,
  schedules.previewTimes,
  schedules.remove,
  workers.list,
  workers.drain,
  workers.stop,
  workers.resize,
  limits.listLimits,
  limits.putLimit,
  limits.removeLimit,
  limits.listBreakers,
  limits.tripBreaker,
  limits.resetBreaker,
  limits.listPartitions,
  limits.putPartition,
  limits.listBudgets,
  limits.putBudget,
  limits.removeBudget,
  limits.listLocks,
  reading.definitions,
] as const

/** By name: what a transport is given to offer. What it parses by the schema of a call is what that takes. */
export const CALLS: ReadonlyMap<string, Call> = new Map(
  ALL.map((call) => [call.name, call as unknown as Call]),
)
