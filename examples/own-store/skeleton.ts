/**
 * A store that has everything but its inside: copy it, and fill in one method after the other, in this order. The port
 * (`@millrace/core/store`) says what each of them must do; the suite says which of it yours does already.
 */
import { Watchers } from '@millrace/core/store'
import type * as port from '@millrace/core/store'

export class SkeletonStore implements port.Store {
  readonly kind = 'skeleton'
  readonly retentionBytes: number = 1_024 ** 3
  /** `in order` only if one client's calls are carried out in the order in which they were made. */
  readonly calls = 'in any order'
  /** How another thread renews leases (`Elsewhere`), so that a handler may block the main thread. */
  readonly elsewhere = 'never'
  /** Hints of this process. Tell it what others did as well, if your engine lets you know. */
  readonly #watchers = new Watchers()

  // 1. A place to be, and its clock: the engine's, never below what it said before.

  async open(): Promise<void> {}

  async close(): Promise<void> {
    this.#watchers.close()
  }

  async now(): Promise<number> {
    throw notYet('now')
  }

  /** For tests only: moves store time for every client of the home. */
  async shiftClock(_ms: number): Promise<void> {
    throw notYet('shiftClock')
  }

  /** What stands between this process and the tasks, made anew. */
  async reconnect(): Promise<void> {
    throw notYet('reconnect')
  }

  // 2. Tasks come in (areas: enqueue, checks, unique, payloads), and can be looked at.

  async add(_request: port.AddRequest): Promise<readonly port.GroupAnswer[]> {
    throw notYet('add')
  }

  async get(_ids: readonly port.TaskId[]): Promise<readonly (port.TaskRecord | null)[]> {
    throw notYet('get')
  }

  // 3. A session claims (claims, due), settles under its fence (settle), and may repeat any of it (repeats). The
  //    decision which state a task may go to is core's: `step`, `countersAfter` and their like are exported.

  async openSession(
    _request: port.SessionRequest,
  ): Promise<{ readonly session: 'alive' | 'dead'; readonly now: number }> {
    throw notYet('openSession')
  }

  async exchange(_request: port.ExchangeRequest): Promise<port.ExchangeAnswer> {
    throw notYet('exchange')
  }

  // 4. Leases are renewed and end (leases); what nobody looks after is taken over (reclaim).

  async renew(_request: port.RenewRequest): Promise<port.RenewAnswer> {
    throw notYet('renew')
  }

  async orderSession(_request: port.SessionOrderRequest): Promise<{ readonly session: 'alive' | 'dead' }> {
    throw notYet('orderSession')
  }

  async closeSession(_session: port.SessionId): Promise<void> {
    throw notYet('closeSession')
  }

  async reclaim(_request: port.ReclaimRequest): Promise<port.ReclaimAnswer> {
    throw notYet('reclaim')
  }

  // 5. Tasks wait for others (dependencies), and for gates (gates).

  async deliver(_request: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    throw notYet('deliver')
  }

  async openGate(_gate: string): Promise<'open' | 'gone'> {
    throw notYet('openGate')
  }

  // 6. Time ends what waited too long (deadlines), and what is old is forgotten (retention).

  async sweep(_request: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    throw notYet('sweep')
  }

  async prune(_request: port.PruneRequest): Promise<port.UpkeepAnswer> {
    throw notYet('prune')
  }

  // 7. Operators (control, edits, removal, filters) and readers (inspect, lists).

  async command(_request: port.CommandRequest): Promise<port.CommandAnswer> {
    throw notYet('command')
  }

  async configureQueue(_request: port.QueueSettings): Promise<void> {
    throw notYet('configureQueue')
  }

  async outcomes(_request: {
    readonly ids: readonly port.TaskId[]
    readonly bytesMax: number
  }): Promise<readonly (port.TaskOutcome | 'later' | null)[]> {
    throw notYet('outcomes')
  }

  async list(_request: port.ListRequest): Promise<port.ListAnswer> {
    throw notYet('list')
  }

  async queues(): Promise<readonly port.QueueRecord[]> {
    throw notYet('queues')
  }

  async dueSoon(_request: port.DueSoonRequest): Promise<readonly port.DueSoon[]> {
    throw notYet('dueSoon')
  }

  async standing(_request: port.StandingRequest): Promise<port.Standing | null> {
    throw notYet('standing')
  }

  async waitingRoutes(): ReturnType<port.Store['waitingRoutes']> {
    throw notYet('waitingRoutes')
  }

  async sessions(): Promise<readonly port.SessionRecord[]> {
    throw notYet('sessions')
  }

  async definitions(): Promise<readonly port.PublishedDefinition[]> {
    throw notYet('definitions')
  }

  // 8. Turns of partitions, limits and rates, strict order (partitions, limits, rates, series, due-by): the sums are
  //    core's (`roomUnder`, `usageAfter`), yours is to write what they come to with the very change of the task.

  async configureLimit(_request: port.LimitSettings): Promise<'applied' | 'outdated'> {
    throw notYet('configureLimit')
  }

  async removeLimit(_name: port.LimitName): Promise<void> {
    throw notYet('removeLimit')
  }

  async limits(_request: port.LimitsRequest): Promise<port.LimitsAnswer> {
    throw notYet('limits')
  }

  async configurePartition(_request: port.PartitionSettings): Promise<void> {
    throw notYet('configurePartition')
  }

  async partitions(): Promise<readonly port.PartitionRecord[]> {
    throw notYet('partitions')
  }

  async recount(): Promise<port.RecountAnswer> {
    throw notYet('recount')
  }

  // 9. Budgets (budgets): you keep what is set and count what there is; who enqueues decides by it.

  async configureBudget(_request: port.BudgetSettings): Promise<'applied' | 'too-many'> {
    throw notYet('configureBudget')
  }

  async budgets(): Promise<readonly port.BudgetSettings[]> {
    throw notYet('budgets')
  }

  async usage(_questions: readonly port.UsageQuestion[]): Promise<port.UsageAnswer> {
    throw notYet('usage')
  }

  async spend(_request: port.SpendRequest): Promise<void> {
    throw notYet('spend')
  }

  // 10. What is enqueued again and again (schedules).

  async putSchedule(_request: port.SchedulePut): Promise<port.SchedulePutAnswer> {
    throw notYet('putSchedule')
  }

  async removeSchedule(_name: string): Promise<'removed' | 'unknown'> {
    throw notYet('removeSchedule')
  }

  async schedule(_name: string): Promise<port.ScheduleRecord | null> {
    throw notYet('schedule')
  }

  async schedules(_request: {
    readonly after: string | null
    readonly limit: number
  }): Promise<readonly port.ScheduleRecord[]> {
    throw notYet('schedules')
  }

  async dueSchedules(_request: { readonly max: number }): Promise<port.DueSchedules> {
    throw notYet('dueSchedules')
  }

  async tick(_request: port.Tick): Promise<port.TickAnswer> {
    throw notYet('tick')
  }

  // 11. Locks (locks).

  async acquireLock(_request: port.LockRequest): Promise<port.LockAnswer> {
    throw notYet('acquireLock')
  }

  async renewLock(_request: Pick<port.LockRequest, 'name' | 'holder' | 'ttlMs'>): Promise<'held' | 'lost'> {
    throw notYet('renewLock')
  }

  async releaseLock(_request: Pick<port.LockRequest, 'name' | 'holder'>): Promise<'released' | 'lost'> {
    throw notYet('releaseLock')
  }

  async locks(): Promise<readonly port.LockRecord[]> {
    throw notYet('locks')
  }

  // 12. What it keeps beside its tasks, looked over (audit; and behind each case of every area).

  /** Nothing beside its tasks is an honest beginning. */
  async audit({ cursor }: port.AuditRequest): Promise<port.AuditAnswer> {
    if (cursor !== null) throw notYet('audit')
    return { defects: [], unseen: [], next: null }
  }

  // 13. Hints (watch). Then all at once (races, clock).

  watch(): AsyncIterableIterator<port.Hint> {
    return this.#watchers.watch()
  }
}

function notYet(method: string): Error {
  return new Error(`${method} is not there yet`)
}
