/** For authors of backends: the cases that define one, for any test runner. */
import { auditCases } from './audit.ts'
import { checkCases } from './checks.ts'
import { claimCases } from './claims.ts'
import { clockCases } from './clock.ts'
import { commandRepeatCases } from './command-repeats.ts'
import { controlCases } from './control.ts'
import { deadlineCases } from './deadlines.ts'
import { dependencyCases } from './dependencies.ts'
import { dueByCases } from './due-by.ts'
import { dueCases } from './due.ts'
import { editCases } from './edits.ts'
import { enqueueCases } from './enqueue.ts'
import { filterCases } from './filters.ts'
import { gateCases } from './gates.ts'
import { inspectCases } from './inspect.ts'
import { connectionCases } from './connections.ts'
import { leaseCases } from './leases.ts'
import { blindRenewalCases } from './blind-renewals.ts'
import { orderCases } from './orders.ts'
import { budgetCases } from './budgets.ts'
import { limitCases } from './limits.ts'
import { limitSettingCases } from './limit-settings.ts'
import { listCases } from './lists.ts'
import { lockCases } from './locks.ts'
import { outboxCases } from './outbox.ts'
import { partitionCases } from './partitions.ts'
import { payloadCases } from './payloads.ts'
import { rateCases } from './rates.ts'
import { raceCases } from './races.ts'
import { reclaimCases } from './reclaim.ts'
import { removalCases } from './removal.ts'
import { repeatCases } from './repeats.ts'
import { retentionCases } from './retention.ts'
import { routingCases } from './routing.ts'
import { seriesCases } from './series.ts'
import { scheduleCases } from './schedules.ts'
import { settleCases } from './settle.ts'
import { standingCases } from './standing.ts'
import { takeOverCases } from './take-overs.ts'
import { triggerCases } from './triggers.ts'
import { uniqueCases } from './unique.ts'
import { uniqueReplacingCases } from './unique-replacing.ts'
import { uniqueWaitingCases } from './unique-waiting.ts'
import { uniqueWindowCases } from './unique-windows.ts'
import { watchCases } from './watch.ts'
import type { ConformanceCase } from './case.ts'

export type { Bench, ConformanceCase } from './case.ts'

/** All that a store has to do, as cases by name: each asserts one rule of the port on a store that it is given. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...enqueueCases,
  ...checkCases,
  ...dependencyCases,
  ...outboxCases,
  ...triggerCases,
  ...uniqueCases,
  ...uniqueWaitingCases,
  ...uniqueWindowCases,
  ...uniqueReplacingCases,
  ...gateCases,
  ...claimCases,
  ...dueCases,
  ...dueByCases,
  ...partitionCases,
  ...budgetCases,
  ...limitCases,
  ...limitSettingCases,
  ...rateCases,
  ...seriesCases,
  ...routingCases,
  ...settleCases,
  ...repeatCases,
  ...connectionCases,
  ...leaseCases,
  ...blindRenewalCases,
  ...orderCases,
  ...reclaimCases,
  ...takeOverCases,
  ...deadlineCases,
  ...controlCases,
  ...commandRepeatCases,
  ...editCases,
  ...filterCases,
  ...removalCases,
  ...retentionCases,
  ...listCases,
  ...inspectCases,
  ...standingCases,
  ...payloadCases,
  ...clockCases,
  ...scheduleCases,
  ...lockCases,
  ...raceCases,
  ...auditCases,
  ...watchCases,
]
