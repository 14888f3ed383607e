/**
 * The SQLite store: one file, worked on by a thread of its own, so that neither a commit nor a lock of another
 * process ever holds up the main thread. This side packs and unpacks; all decisions are made there.
 */
import { Exchanges } from './exchanges.ts'
import { Line } from './line.ts'
import { Lines } from './lines.ts'
import { checkOptions, type SqliteStoreOptions } from './options.ts'
import { packAdd, unpackAdd } from './packing.ts'
import { EVERYTHING, Watchers } from '@millrace/core/store'
import type * as port from '@millrace/core/store'

/** An `add` of so many groups goes to the thread at once: there is more to gain by working side by side. */
const HURRY_GROUPS = 16

/** The store in a SQLite file, which several processes of one machine may share. It works on a thread of its own. */
export class SqliteStore implements port.HostingStore {
  readonly kind = 'sqlite'
  readonly retentionBytes: number = 1_024 ** 3
  readonly calls = 'in order'
  readonly elsewhere = 'own-thread'
  readonly #watchers = new Watchers((listened) => this.#listen(listened))
  readonly #lines: Lines
  #exchanges = new Exchanges()

  /** @throws InvalidArgumentError */
  constructor(options: SqliteStoreOptions) {
    checkOptions(options)
    const { path, migrate = true } = options
    this.#lines = new Lines({
      path,
      start: () => new Line({ path, migrate }, (hint) => this.#watchers.publish(hint)),
      opened: () => this.#opened(),
    })
  }

  open(): Promise<void> {
    return this.#lines.open()
  }

  async close(): Promise<void> {
    this.#watchers.close()
    await this.#lines.close()
  }

  async reconnect(): Promise<void> {
    await this.#lines.renew()
  }

  lodge(heart: port.Port): void {
    this.#lines.reach().lodge(heart)
  }

  openSession(
    request: port.SessionRequest,
  ): Promise<{ readonly session: 'alive' | 'dead'; readonly now: number }> {
    return this.#lines.reach().call('openSession', request)
  }

  async renew(request: port.RenewRequest): Promise<port.RenewAnswer> {
    const answer = await this.#lines.reach().call('renew', request)
    this.#exchanges.forget(answer.lost)
    return answer
  }

  orderSession(request: port.SessionOrderRequest): Promise<{ readonly session: 'alive' | 'dead' }> {
    return this.#lines.reach().call('orderSession', request)
  }

  async closeSession(session: port.SessionId): Promise<void> {
    await this.#lines.reach().call('closeSession', session)
  }

  async add(request: port.AddRequest): Promise<readonly port.GroupAnswer[]> {
    const packed = packAdd(request)
    const line = this.#lines.reach()
    const answer = line.call('add', packed)
    if (request.groups.length >= HURRY_GROUPS) line.hurry()
    return unpackAdd(packed, await answer)
  }

  async exchange(request: port.ExchangeRequest): Promise<port.ExchangeAnswer> {
    const sent = this.#exchanges.pack(request)
    return this.#exchanges.unpack(sent, await this.#lines.reach().call('exchange', sent.packed))
  }

  reclaim(request: port.ReclaimRequest): Promise<port.ReclaimAnswer> {
    return this.#lines.reach().call('reclaim', request)
  }

  sweep(request: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    return this.#lines.reach().call('sweep', request)
  }

  deliver(request: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    return this.#lines.reach().call('deliver', request)
  }

  prune(request: port.PruneRequest): Promise<port.UpkeepAnswer> {
    return this.#lines.reach().call('prune', request)
  }

  command(request: port.CommandRequest): Promise<port.CommandAnswer> {
    return this.#lines.reach().call('command', request)
  }

  async configureQueue(request: port.QueueSettings): Promise<void> {
    await this.#lines.reach().call('configureQueue', request)
  }

  configureLimit(request: port.LimitSettings): Promise<'applied' | 'outdated'> {
    return this.#lines.reach().call('configureLimit', request)
  }

  async removeLimit(name: string): Promise<void> {
    await this.#lines.reach().call('removeLimit', name)
  }

  limits(request: port.LimitsRequest): Promise<port.LimitsAnswer> {
    return this.#lines.reach().call('limits', request)
  }

  async configurePartition(request: port.PartitionSettings): Promise<void> {
    await this.#lines.reach().call('configurePartition', request)
  }

  partitions(): Promise<readonly port.PartitionRecord[]> {
    return this.#lines.reach().call('partitions', undefined)
  }

  recount(): Promise<port.RecountAnswer> {
    return this.#lines.reach().call('recount', undefined)
  }

  configureBudget(request: port.BudgetSettings): Promise<'applied' | 'too-many'> {
    return this.#lines.reach().call('configureBudget', request)
  }

  budgets(): Promise<readonly port.BudgetSettings[]> {
    return this.#lines.reach().call('budgets', undefined)
  }

  usage(questions: readonly port.UsageQuestion[]): Promise<port.UsageAnswer> {
    return this.#lines.reach().call('usage', questions)
  }

  async spend(request: port.SpendRequest): Promise<void> {
    await this.#lines.reach().call('spend', request)
  }

  async putSchedule(request: port.SchedulePut): Promise<port.SchedulePutAnswer> {
    return this.#lines.reach().call('putSchedule', request)
  }

  async removeSchedule(name: string): Promise<'removed' | 'unknown'> {
    return this.#lines.reach().call('removeSchedule', name)
  }

  async schedule(name: string): Promise<port.ScheduleRecord | null> {
    return this.#lines.reach().call('schedule', name)
  }

  async schedules(request: {
    readonly after: string | null
    readonly limit: number
  }): Promise<readonly port.ScheduleRecord[]> {
    return this.#lines.reach().call('schedules', request)
  }

  async dueSchedules(request: { readonly max: number }): Promise<port.DueSchedules> {
    return this.#lines.reach().call('dueSchedules', request)
  }

  async tick(request: port.Tick): Promise<port.TickAnswer> {
    return this.#lines.reach().call('tick', request)
  }

  async acquireLock(request: port.LockRequest): Promise<port.LockAnswer> {
    return this.#lines.reach().call('acquireLock', request)
  }

  async renewLock(request: Pick<port.LockRequest, 'name' | 'holder' | 'ttlMs'>): Promise<'held' | 'lost'> {
    return this.#lines.reach().call('renewLock', request)
  }

  async releaseLock(request: Pick<port.LockRequest, 'name' | 'holder'>): Promise<'released' | 'lost'> {
    return this.#lines.reach().call('releaseLock', request)
  }

  async locks(): Promise<readonly port.LockRecord[]> {
    return this.#lines.reach().call('locks', undefined)
  }

  /** The first call decides; it then goes on until all tasks are through, or leaves that to `deliver`. */
  async openGate(gate: string): Promise<'open' | 'gone'> {
    const line = this.#lines.reach()
    const { fate, more } = await line.call('openGate', gate)
    for (let left = more; left;) left = (await line.call('openGate', gate)).more
    return fate
  }

  get(ids: readonly port.TaskId[]): Promise<readonly (port.TaskRecord | null)[]> {
    return this.#lines.reach().call('get', ids)
  }

  outcomes(request: {
    readonly ids: readonly port.TaskId[]
    readonly bytesMax: number
  }): Promise<readonly (port.TaskOutcome | 'later' | null)[]> {
    return this.#lines.reach().call('outcomes', request)
  }

  list(request: port.ListRequest): Promise<port.ListAnswer> {
    return this.#lines.reach().call('list', request)
  }

  queues(): Promise<readonly port.QueueRecord[]> {
    return this.#lines.reach().call('queues', undefined)
  }

  waitingRoutes(): Promise<readonly port.WaitingRoute[]> {
    return this.#lines.reach().call('waitingRoutes', undefined)
  }

  dueSoon(request: port.DueSoonRequest): Promise<readonly port.DueSoon[]> {
    return this.#lines.reach().call('dueSoon', request)
  }

  standing(request: port.StandingRequest): Promise<port.Standing | null> {
    return this.#lines.reach().call('standing', request)
  }

  sessions(): Promise<readonly port.SessionRecord[]> {
    return this.#lines.reach().call('sessions', undefined)
  }

  definitions(): Promise<readonly port.PublishedDefinition[]> {
    return this.#lines.reach().call('definitions', undefined)
  }

  now(): Promise<number> {
    return this.#lines.reach().call('now', undefined)
  }

  audit(request: port.AuditRequest): Promise<port.AuditAnswer> {
    return this.#lines.reach().call(request.repair ? 'repair' : 'audit', request)
  }

  watch(): AsyncIterableIterator<port.Hint> {
    return this.#watchers.watch()
  }

  /** Moves store time as this store sees it, for tests. A clock that is moved back stands still. */
  async shiftClock(ms: number): Promise<void> {
    await this.#lines.reach().call('shiftClock', ms)
  }

  /** Who has settled it was no exchange of this store. */
  protected settledElsewhere(fence: port.Fence): void {
    this.#exchanges.forget([fence])
  }

  /** Another thread than the last one knows of no listeners, and what happened meanwhile told nobody. */
  #opened(): void {
    this.#exchanges = new Exchanges()
    if (this.#watchers.size === 0) return
    this.#listen(true)
    this.#watchers.publish(EVERYTHING)
  }

  #listen(listened: boolean): void {
    // hints are never needed: without them readers poll
    this.#lines.latest?.call('watch', listened).catch(() => undefined)
  }
}
