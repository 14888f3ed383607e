/**
 * The memory store: the executable specification of the port, and the store of unit tests. Each method is one
 * pass through the home that nobody else can come between, and so atomic as a whole; that is more than the
 * port asks for.
 */
import { add } from './adding.ts'
import { audit } from './audit.ts'
import { StoreClock } from './clock.ts'
import { command, configureQueue } from './commander.ts'
import { deliver } from './dependents.ts'
import { exchange } from './exchanging.ts'
import { openGate } from './gatekeeper.ts'
import { budgets, configureBudget, spend, usage } from './budgets.ts'
import { configureLimit, configurePartition, limits, partitions, recount, removeLimit } from './limits.ts'
import { Watchers } from '../watchers.ts'
import { newHome, newPass, type Home, type Pass } from './home.ts'
import { definitions, dueSoon, get, list, outcomes, queues, sessions, waitingRoutes } from './inspection.ts'
import { standing } from './standing.ts'
import { reclaim } from './reclaiming.ts'
import * as locking from './locks.ts'
import * as plans from './schedules.ts'
import { closeSession, openSession, orderSession, renew } from './sessions.ts'
import { prune, sweep } from './upkeep.ts'
import type { Platform } from '../../platform/platform.ts'
import type { CommandAnswer, CommandRequest, QueueSettings } from '../control.ts'
import type {
  DueSoon,
  DueSoonRequest,
  ListAnswer,
  ListRequest,
  QueueRecord,
  SessionRecord,
  Standing,
  StandingRequest,
  WaitingRoute,
} from '../inspection.ts'
import type * as port from '../port.ts'
import type { SessionId, TaskId, TaskOutcome, TaskRecord } from '../records.ts'

export interface MemoryStoreOptions {
  readonly platform: Platform
  /** How far store time is ahead of the platform's clock. Default 0. */
  readonly clockOffsetMs?: number | undefined
}

/**
 * The store in memory, for tests and for others to be compared with: all is lost with its process, and no other
 * process sees it.
 */
export class MemoryStore implements port.Store {
  readonly kind = 'memory'
  readonly retentionBytes: number = 1_024 ** 3
  readonly calls = 'in order'
  readonly elsewhere = 'never'
  readonly #home: Home = newHome()
  readonly #watchers = new Watchers()
  readonly #clock: StoreClock

  constructor({ platform, clockOffsetMs = 0 }: MemoryStoreOptions) {
    this.#clock = new StoreClock(platform, clockOffsetMs)
  }

  /** Moves store time, for tests. A clock that is moved back stands still until its time has come again. */
  shiftClock(ms: number): void {
    this.#clock.shift(ms)
  }

  async open(): Promise<void> {}

  /** The tasks stay: whoever has the object can go on with them. */
  async close(): Promise<void> {
    this.#watchers.close()
  }

  /** There is nothing between a caller and the home. */
  async reconnect(): Promise<void> {}

  async openSession(request: port.SessionRequest): Promise<{ session: 'alive' | 'dead'; now: number }> {
    return this.#pass((pass) => openSession(pass, request))
  }

  async renew(request: port.RenewRequest): Promise<port.RenewAnswer> {
    return this.#pass((pass) => renew(pass, request))
  }

  async orderSession(request: port.SessionOrderRequest): Promise<{ session: 'alive' | 'dead' }> {
    return this.#pass((pass) => orderSession(pass, request))
  }

  async closeSession(session: SessionId): Promise<void> {
    this.#pass((pass) => closeSession(pass, session))
  }

  async add(request: port.AddRequest): Promise<readonly port.GroupAnswer[]> {
    return this.#pass((pass) => add(pass, request))
  }

  async exchange(request: port.ExchangeRequest): Promise<port.ExchangeAnswer> {
    return this.#pass((pass) => exchange(pass, request))
  }

  async reclaim(request: port.ReclaimRequest): Promise<port.ReclaimAnswer> {
    return this.#pass((pass) => reclaim(pass, request))
  }

  async sweep(request: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    return this.#pass((pass) => sweep(pass, request))
  }

  async deliver(request: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    return this.#pass((pass) => deliver(pass, request))
  }

  async prune(request: port.PruneRequest): Promise<port.UpkeepAnswer> {
    return this.#pass((pass) => prune(pass, request))
  }

  async command(request: CommandRequest): Promise<CommandAnswer> {
    return this.#pass((pass) => command(pass, request))
  }

  async configureQueue(request: QueueSettings): Promise<void> {
    this.#pass((pass) => configureQueue(pass, request))
  }

  async configureLimit(request: port.LimitSettings): Promise<'applied' | 'outdated'> {
    return this.#pass((pass) => configureLimit(pass, request))
  }

  async removeLimit(name: port.LimitName): Promise<void> {
    this.#pass((pass) => removeLimit(pass, name))
  }

  async limits(request: port.LimitsRequest): Promise<port.LimitsAnswer> {
    return this.#pass((pass) => limits(pass, request))
  }

  async configurePartition(request: port.PartitionSettings): Promise<void> {
    this.#pass((pass) => configurePartition(pass, request))
  }

  async partitions(): Promise<readonly port.PartitionRecord[]> {
    return this.#pass(partitions)
  }

  async recount(): Promise<port.RecountAnswer> {
    return this.#pass(recount)
  }

  async configureBudget(request: port.BudgetSettings): Promise<'applied' | 'too-many'> {
    return this.#pass((pass) => configureBudget(pass, request))
  }

  async budgets(): Promise<readonly port.BudgetSettings[]> {
    return this.#pass(budgets)
  }

  async usage(questions: readonly port.UsageQuestion[]): Promise<port.UsageAnswer> {
    return this.#pass((pass) => usage(pass, questions))
  }

  async spend(request: port.SpendRequest): Promise<void> {
    this.#pass((pass) => spend(pass, request))
  }

  async putSchedule(request: port.SchedulePut): Promise<port.SchedulePutAnswer> {
    return this.#pass((pass) => plans.putSchedule(pass, request))
  }

  async removeSchedule(name: string): Promise<'removed' | 'unknown'> {
    return this.#pass((pass) => plans.removeSchedule(pass, name))
  }

  async schedule(name: string): Promise<port.ScheduleRecord | null> {
    return this.#pass((pass) => plans.schedule(pass, name))
  }

  async schedules(request: {
    readonly after: string | null
    readonly limit: number
  }): Promise<readonly port.ScheduleRecord[]> {
    return this.#pass((pass) => plans.schedules(pass, request))
  }

  async dueSchedules(request: { readonly max: number }): Promise<port.DueSchedules> {
    return this.#pass((pass) => plans.dueSchedules(pass, request))
  }

  async tick(request: port.Tick): Promise<port.TickAnswer> {
    return this.#pass((pass) => plans.tick(pass, request))
  }

  async acquireLock(request: port.LockRequest): Promise<port.LockAnswer> {
    return this.#pass((pass) => locking.acquireLock(pass, request))
  }

  async renewLock(request: Pick<port.LockRequest, 'name' | 'holder' | 'ttlMs'>): Promise<'held' | 'lost'> {
    return this.#pass((pass) => locking.renewLock(pass, request))
  }

  async releaseLock(request: Pick<port.LockRequest, 'name' | 'holder'>): Promise<'released' | 'lost'> {
    return this.#pass((pass) => locking.releaseLock(pass, request))
  }

  async locks(): Promise<readonly port.LockRecord[]> {
    return this.#pass(locking.locks)
  }

  async openGate(gate: string): Promise<'open' | 'gone'> {
    return this.#pass((pass) => openGate(pass, gate))
  }

  async get(ids: readonly TaskId[]): Promise<readonly (TaskRecord | null)[]> {
    return this.#pass((pass) => get(pass, ids))
  }

  async outcomes(request: {
    readonly ids: readonly TaskId[]
    readonly bytesMax: number
  }): Promise<readonly (TaskOutcome | 'later' | null)[]> {
    return this.#pass((pass) => outcomes(pass, request))
  }

  async list(request: ListRequest): Promise<ListAnswer> {
    return this.#pass((pass) => list(pass, request))
  }

  async queues(): Promise<readonly QueueRecord[]> {
    return this.#pass(queues)
  }

  async waitingRoutes(): Promise<readonly WaitingRoute[]> {
    return this.#pass(waitingRoutes)
  }

  async dueSoon(request: DueSoonRequest): Promise<readonly DueSoon[]> {
    return this.#pass((pass) => dueSoon(pass, request))
  }

  async standing(request: StandingRequest): Promise<Standing | null> {
    return this.#pass((pass) => standing(pass, request))
  }

  async sessions(): Promise<readonly SessionRecord[]> {
    return this.#pass(sessions)
  }

  async definitions(): Promise<readonly port.PublishedDefinition[]> {
    return this.#pass(definitions)
  }

  async now(): Promise<number> {
    return this.#clock.now()
  }

  async audit(request: port.AuditRequest): Promise<port.AuditAnswer> {
    return this.#pass((pass) => audit(pass, request))
  }

  watch(): AsyncIterableIterator<port.Hint> {
    return this.#watchers.watch()
  }

  #pass<T>(run: (pass: Pass) => T): T {
    const pass = newPass(this.#home, this.#clock.now())
    const answer = run(pass)
    this.#watchers.publish(pass.hint)
    return answer
  }
}
