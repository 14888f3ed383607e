/**
 * The Postgres store: tables in a schema of the user's database. This side decides nothing that core has not
 * decided: it locks, compares fences, and writes.
 */
import { audit } from './audit.ts'
import { add } from './adding.ts'
import { budgets, configureBudget, spend, usage } from './budgets.ts'
import { Commits } from './commits.ts'
import { command, configureQueue } from './commanding.ts'
import { Database } from './database.ts'
import { behindEffect, notOpen } from './errors.ts'
import { Exchanges } from './exchanging.ts'
import { openGate } from './gates.ts'
import { get, list, now, outcomes } from './inspector.ts'
import { configureLimit, configurePartition, limits, partitions, recount, removeLimit } from './limits.ts'
import { leasesModule } from './postgres-leases.ts'
import { openDatabase } from './migrate.ts'
import { Names } from './names.ts'
import { resolved, type Connected, type PostgresStoreOptions, type Resolved } from './options.ts'
import { standing } from './standing.ts'
import { definitions, dueSoon, queues, sessions, waitingRoutes } from './overview.ts'
import { inPass, type Home } from './pass.ts'
import { reclaim } from './reclaiming.ts'
import * as locking from './locks.ts'
import * as plans from './schedules.ts'
import { closeSession, openSession, orderSession, renew } from './sessions.ts'
import { SHIFT_CLOCK } from './statements/sessions.ts'
import { Transactions } from './transactions.ts'
import { Turns } from './turns.ts'
import { deliver, prune, sweep } from './upkeep.ts'
import { Wakeups } from './wakeups.ts'
import { Watchers } from '@millrace/core/store'
import type { PgTransaction } from './libraries/pg.ts'
import type * as port from '@millrace/core/store'

interface Open {
  readonly home: Home
  readonly exchanges: Exchanges
  readonly wakeups: Wakeups
  readonly connected: Connected
  readonly commits: Commits
  readonly lent: Database
  readonly turns: Turns
}

/** How many dependents are told at once behind a transaction of the user's. */
const DELIVERED_AT_ONCE = 500

/** The store in a Postgres database, in a schema of its own. It needs version 13 or newer. */
export class PostgresStore implements port.TransactionalStore<PgTransaction> {
  readonly kind = 'postgres'
  readonly retentionBytes: number = 1_024 ** 3
  readonly calls = 'in any order'
  readonly #options: Resolved
  readonly #watchers = new Watchers((listened) => this.#opened?.wakeups.listen(listened))
  readonly transactions: port.Transactions<PgTransaction> = new Transactions(() => this.#open)
  #opened: Open | undefined

  /** @throws InvalidArgumentError, or StoreError with the code `store-url` */
  constructor(options: PostgresStoreOptions) {
    this.#options = resolved(options)
  }

  /** @throws InvalidArgumentError if what renews leases was left out of a bundle */
  get elsewhere(): port.Elsewhere {
    const { url, schema, prepare } = this.#options
    return url === undefined ? 'needs-url' : leasesModule({ url, schema, prepare })
  }

  async open(): Promise<void> {
    const { schema, prepare } = this.#options
    const connected = await this.#options.connect()
    const { pool, listener } = connected
    const database = new Database({ pool, schema, prepare })
    try {
      await openDatabase(database, this.#options)
    } catch (error) {
      await connected.end()
      throw error
    }
    const publish = (hint: port.Hint): void => this.#watchers.publish(hint)
    const wakeups = new Wakeups({ database, pool: listener, publish })
    const home: Home = { database, names: new Names(database), tell: (hint) => wakeups.tell(hint) }
    const commits = new Commits({ database, tell: home.tell, deliver: () => deliverAll(home) })
    const lent = new Database({ pool: connected.transactions, schema, prepare: false })
    const turns = new Turns(connected.transactionsMax)
    this.#opened = { home, exchanges: new Exchanges(home), wakeups, connected, commits, lent, turns }
  }

  async close(): Promise<void> {
    const opened = this.#opened
    this.#watchers.close()
    this.#opened = undefined
    if (opened !== undefined) await letGo(opened)
  }

  async reconnect(): Promise<void> {
    const before = this.#open
    await this.open()
    this.#open.wakeups.listen(this.#watchers.size > 0)
    // what is under way has its own bound, and nobody waits for it
    void letGo(before).catch(() => undefined)
  }

  async openSession(request: port.SessionRequest): Promise<{ session: 'alive' | 'dead'; now: number }> {
    return openSession(this.#home, request)
  }

  async renew(request: port.RenewRequest): Promise<port.RenewAnswer> {
    return renew(this.#home, request)
  }

  async orderSession(request: port.SessionOrderRequest): Promise<{ readonly session: 'alive' | 'dead' }> {
    return orderSession(this.#home, request)
  }

  async closeSession(session: port.SessionId): Promise<void> {
    await closeSession(this.#home, session)
  }

  async add(request: port.AddRequest): Promise<readonly port.GroupAnswer[]> {
    return add(this.#home, request)
  }

  async exchange(request: port.ExchangeRequest): Promise<port.ExchangeAnswer> {
    return this.#open.exchanges.exchange(request)
  }

  async reclaim(request: port.ReclaimRequest): Promise<port.ReclaimAnswer> {
    const answer = await reclaim(this.#home, request)
    this.#open.exchanges.tookOver(request.nonce, answer.tasks)
    return answer
  }

  async sweep(request: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    return sweep(this.#home, request)
  }

  async deliver(request: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    const { home, commits } = this.#open
    // it passes over what somebody else has in hand; what this store has will be done when it answers
    await commits.delivered()
    return deliver(home, request)
  }

  async prune(request: port.PruneRequest): Promise<port.UpkeepAnswer> {
    return prune(this.#home, request)
  }

  async command(request: port.CommandRequest): Promise<port.CommandAnswer> {
    return command(this.#home, request)
  }

  async configureQueue(request: port.QueueSettings): Promise<void> {
    await configureQueue(this.#home, request)
  }

  async putSchedule(request: port.SchedulePut): Promise<port.SchedulePutAnswer> {
    return plans.putSchedule(this.#home, request)
  }

  async removeSchedule(name: string): Promise<'removed' | 'unknown'> {
    return plans.removeSchedule(this.#home, name)
  }

  async schedule(name: string): Promise<port.ScheduleRecord | null> {
    return plans.schedule(this.#home, name)
  }

  async schedules(request: {
    readonly after: string | null
    readonly limit: number
  }): Promise<readonly port.ScheduleRecord[]> {
    return plans.schedules(this.#home, request)
  }

  async dueSchedules(request: { readonly max: number }): Promise<port.DueSchedules> {
    return plans.dueSchedules(this.#home, request)
  }

  async tick(request: port.Tick): Promise<port.TickAnswer> {
    return plans.tick(this.#home, request)
  }

  async acquireLock(request: port.LockRequest): Promise<port.LockAnswer> {
    return locking.acquireLock(this.#home, request)
  }

  async renewLock(request: Pick<port.LockRequest, 'name' | 'holder' | 'ttlMs'>): Promise<'held' | 'lost'> {
    return locking.renewLock(this.#home, request)
  }

  async releaseLock(request: Pick<port.LockRequest, 'name' | 'holder'>): Promise<'released' | 'lost'> {
    return locking.releaseLock(this.#home, request)
  }

  async locks(): Promise<readonly port.LockRecord[]> {
    return locking.locks(this.#home)
  }

  /** The first call decides; it then goes on until all tasks are through, or leaves that to `deliver`. */
  async openGate(gate: string): Promise<'open' | 'gone'> {
    const home = this.#home
    const { fate, more } = await inPass(home, (pass) => openGate(pass, gate))
    const goOn = async (): Promise<boolean> => (await inPass(home, (pass) => openGate(pass, gate))).more
    for (let left = more; left;) left = await behindEffect(goOn)
    return fate
  }

  async configureLimit(request: port.LimitSettings): Promise<'applied' | 'outdated'> {
    return configureLimit(this.#home, request)
  }

  async removeLimit(name: port.LimitName): Promise<void> {
    await removeLimit(this.#home, name)
  }

  async limits(request: port.LimitsRequest): Promise<port.LimitsAnswer> {
    return limits(this.#home, request)
  }

  async configurePartition(request: port.PartitionSettings): Promise<void> {
    await configurePartition(this.#home, request)
  }

  async partitions(): Promise<readonly port.PartitionRecord[]> {
    return partitions(this.#home)
  }

  async recount(): Promise<port.RecountAnswer> {
    return recount(this.#home)
  }

  async configureBudget(request: port.BudgetSettings): Promise<'applied' | 'too-many'> {
    return configureBudget(this.#home, request)
  }

  async budgets(): Promise<readonly port.BudgetSettings[]> {
    return budgets(this.#home)
  }

  async usage(questions: readonly port.UsageQuestion[]): Promise<port.UsageAnswer> {
    return usage(this.#home, questions)
  }

  async spend(request: port.SpendRequest): Promise<void> {
    await spend(this.#home, request)
  }

  async get(ids: readonly port.TaskId[]): Promise<readonly (port.TaskRecord | null)[]> {
    return get(this.#home, ids)
  }

  async outcomes(request: {
    readonly ids: readonly port.TaskId[]
    readonly bytesMax: number
  }): Promise<readonly (port.TaskOutcome | 'later' | null)[]> {
    return outcomes(this.#home, request)
  }

  async list(request: port.ListRequest): Promise<port.ListAnswer> {
    return list(this.#home, request)
  }

  async queues(): Promise<readonly port.QueueRecord[]> {
    return queues(this.#home)
  }

  async waitingRoutes(): Promise<readonly port.WaitingRoute[]> {
    return waitingRoutes(this.#home)
  }

  async dueSoon(request: port.DueSoonRequest): Promise<readonly port.DueSoon[]> {
    return dueSoon(this.#home, request)
  }

  async standing(request: port.StandingRequest): Promise<port.Standing | null> {
    return standing(this.#home, request)
  }

  async sessions(): Promise<readonly port.SessionRecord[]> {
    return sessions(this.#home)
  }

  async definitions(): Promise<readonly port.PublishedDefinition[]> {
    return definitions(this.#home)
  }

  async now(): Promise<number> {
    return now(this.#home)
  }

  async audit(request: port.AuditRequest): Promise<port.AuditAnswer> {
    return audit(this.#home, request)
  }

  watch(): AsyncIterableIterator<port.Hint> {
    return this.#watchers.watch()
  }

  /** Moves store time for every client of the schema, for tests. A clock that is moved back stands still. */
  async shiftClock(ms: number): Promise<void> {
    await this.#home.database.run(SHIFT_CLOCK, [ms])
  }

  get #open(): Open {
    if (this.#opened !== undefined) return this.#opened
    throw notOpen()
  }

  get #home(): Home {
    return this.#open.home
  }
}

async function letGo({ commits, wakeups, connected }: Open): Promise<void> {
  await commits.close()
  await wakeups.close()
  await connected.end()
}

/** Nobody waits for it: what it cannot do now the upkeep of any worker does. */
async function deliverAll(home: Home): Promise<void> {
  try {
    while ((await deliver(home, { tasksMax: DELIVERED_AT_ONCE })).more);
  } catch {
    // it is among the duties of every worker
  }
}
