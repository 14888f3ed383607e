/**
 * The Redis store: each verb of the port is one script, which Redis runs as a whole. This side packs and unpacks,
 * all decisions are made there. One connection keeps the order of calls; another one hears hints.
 */
import { audit } from './audit.ts'
import * as scripts from './lua/scripts.ts'
import * as budgeting from './budgets.ts'
import { lookUp, packAdd, partsOf, unpackAdd, type Part } from './adding.ts'
import { checkedOptions, type CheckedOptions, type RedisStoreOptions } from './options.ts'
import { checkServer } from './checks.ts'
import { claimsOf } from './claims.ts'
import { boundsOf, command, configureQueue } from './commanding.ts'
import * as inspector from './inspector.ts'
import { namesChange, notOpen } from './errors.ts'
import { leasesModule } from './redis-leases.ts'
import { Home } from './home.ts'
import { connectionOf } from './connection.ts'
import { run, type Line, type Reply } from './line.ts'
import { packExchange, Tastes, turnAfter, verdictsOf } from './exchanging.ts'
import * as flow from './limits.ts'
import { renew } from './renewing.ts'
import { openSession, orderSession } from './sessions.ts'
import { standing } from './standing.ts'
import { reclaim } from './reclaiming.ts'
import * as locking from './locks.ts'
import * as plans from './schedules.ts'
import { Wakeups } from './wakeups.ts'
import type * as port from '@millrace/core/store'
import type { Script } from './lua/scripts.ts'

/** How often a call starts over because there were names that it did not know. */
const STARTS_MAX = 10

interface Opened {
  readonly line: Line
  readonly home: Home
  readonly wakeups: Wakeups
}

/** The store in Redis or Valkey, one server or a cluster. */
export class RedisStore implements port.Store {
  readonly kind = 'redis'
  readonly retentionBytes: number = 64 * 1_024 ** 2
  readonly calls = 'in order'
  readonly #options: CheckedOptions
  readonly #tastes = new Tastes()
  #opened: Opened | undefined

  /** @throws InvalidArgumentError */
  constructor(options: RedisStoreOptions) {
    this.#options = checkedOptions(options)
  }

  /** @throws InvalidArgumentError if what renews leases was left out of a bundle */
  get elsewhere(): port.Elsewhere {
    const { url, place, namespace, timeoutMs } = this.#options
    if (url === undefined) return 'needs-url'
    const { openHome, renew: script, renewBlind } = scripts
    return leasesModule({
      url,
      place,
      namespace,
      timeoutMs,
      scripts: { openHome, renew: script, renewBlind },
    })
  }

  async open(): Promise<void> {
    const { place, unsafe, onWarning } = this.#options
    const { line, listen } = connectionOf(this.#options, () => home.names.forget())
    const home = new Home({ ...this.#options, line })
    await line.open()
    try {
      await checkServer({ line, place, unsafe, onWarning })
      await home.open()
    } catch (error) {
      line.close()
      throw error
    }
    this.#opened = { line, home, wakeups: new Wakeups(listen, home.channel) }
  }

  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    opened?.wakeups.close()
    opened?.line.close()
  }

  async reconnect(): Promise<void> {
    const before = this.#opened
    await this.open()
    before?.wakeups.close()
    before?.line.close()
  }

  async openSession(
    request: port.SessionRequest,
  ): Promise<{ readonly session: 'alive' | 'dead'; readonly now: number }> {
    return openSession(this.#home, request)
  }

  async renew(request: port.RenewRequest): Promise<port.RenewAnswer> {
    return renew(this.#home, scripts, request)
  }

  async orderSession(request: port.SessionOrderRequest): Promise<{ readonly session: 'alive' | 'dead' }> {
    return orderSession(this.#home, request)
  }

  async closeSession(session: port.SessionId): Promise<void> {
    await this.#home.ask(scripts.closeSession, (packer) => packer.array(1).id(session))
  }

  async add(request: port.AddRequest): Promise<readonly port.GroupAnswer[]> {
    const home = this.#home
    return home.again(async () => {
      const { names, packer } = home
      let parts: readonly Part[] = []
      const reply = await home.callWithLanes(scripts.add, () => {
        lookUp(request, names)
        if (!names.complete) return undefined
        parts = partsOf(request, names)
        return packAdd(packer, parts, names)
      })
      return unpackAdd(parts, reply)
    })
  }

  async exchange(request: port.ExchangeRequest): Promise<port.ExchangeAnswer> {
    const home = this.#home
    for (let starts = 0; starts < STARTS_MAX; starts++) {
      const reply = await home.again(() => this.#sendExchange(home, request))
      if (reply.length === 1) await home.names.load(home)
      else return this.#answerExchange(home, request, reply)
    }
    throw namesChange(this.#options.place)
  }

  async #sendExchange(home: Home, request: port.ExchangeRequest): Promise<readonly Reply[]> {
    const { names, packer } = home
    const reply = await home.call(scripts.exchange, () => {
      for (const { queue } of request.demand?.queues ?? []) names.queue(queue)
      return names.complete ? packExchange({ packer, names, tastes: this.#tastes }, request) : undefined
    })
    return reply as readonly Reply[]
  }

  async #answerExchange(
    home: Home,
    { nonce, demand }: port.ExchangeRequest,
    reply: readonly Reply[],
  ): Promise<port.ExchangeAnswer> {
    const [now, session, verdicts, at, claims, more, next, undelivered, turns] = reply as [
      number,
      Buffer,
      Buffer,
      number,
      readonly Buffer[],
      readonly Reply[],
      number,
      number,
      readonly number[],
    ]
    await inspector.knowClaims(home, claims)
    return {
      now,
      verdicts: verdictsOf(verdicts),
      session: session.length === 5 ? 'alive' : 'dead',
      claims: claimsOf({ nonce, at, claims, more }, home.names),
      cursor: null,
      turn: turnAfter(demand, turns),
      nextInMs: next < 0 ? null : next,
      undelivered: undelivered === 1,
    }
  }

  async reclaim(request: port.ReclaimRequest): Promise<port.ReclaimAnswer> {
    return reclaim(this.#home, request)
  }

  async sweep({ tasksMax }: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    return this.#upkeep(scripts.sweep, tasksMax)
  }

  async deliver({ tasksMax }: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    return this.#upkeep(scripts.deliver, tasksMax)
  }

  async prune({ tasksMax, retention }: port.PruneRequest): Promise<port.UpkeepAnswer> {
    return this.#upkeep(scripts.prune, tasksMax, boundsOf(retention))
  }

  async #upkeep(script: Script, tasksMax: number, bounds = ''): Promise<port.UpkeepAnswer> {
    const reply = await this.#home.ask(script, (packer) => packer.array(2).int(tasksMax).text(bounds))
    const [changed, more] = reply as readonly [number, number]
    return { changed, more: more === 1 }
  }

  async command(request: port.CommandRequest): Promise<port.CommandAnswer> {
    return command(this.#home, request)
  }

  async configureQueue(request: port.QueueSettings): Promise<void> {
    return configureQueue(this.#home, request)
  }

  async configureLimit(request: port.LimitSettings): Promise<'applied' | 'outdated'> {
    return flow.configureLimit(this.#home, request)
  }

  async removeLimit(name: port.LimitName): Promise<void> {
    return flow.removeLimit(this.#home, name)
  }

  async limits(request: port.LimitsRequest): Promise<port.LimitsAnswer> {
    return flow.limits(this.#home, request)
  }

  async configurePartition(request: port.PartitionSettings): Promise<void> {
    return flow.configurePartition(this.#home, request)
  }

  async partitions(): Promise<readonly port.PartitionRecord[]> {
    return flow.partitions(this.#home)
  }

  async recount(): Promise<port.RecountAnswer> {
    return flow.recount(this.#home)
  }

  async configureBudget(request: port.BudgetSettings): Promise<'applied' | 'too-many'> {
    return budgeting.configureBudget(this.#home, request)
  }

  async budgets(): Promise<readonly port.BudgetSettings[]> {
    return budgeting.budgets(this.#home)
  }

  async usage(questions: readonly port.UsageQuestion[]): Promise<port.UsageAnswer> {
    return budgeting.usage(this.#home, questions)
  }

  async spend(request: port.SpendRequest): Promise<void> {
    return budgeting.spend(this.#home, request)
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
    for (;;) {
      const reply = await home.ask(scripts.openGate, (packer) => packer.array(1).text(gate))
      const [fate, more] = reply as readonly [Buffer, number]
      if (more === 0) return String(fate) === 'o' ? 'open' : 'gone'
    }
  }

  async get(ids: readonly port.TaskId[]): Promise<readonly (port.TaskRecord | null)[]> {
    return inspector.get(this.#home, ids)
  }

  async outcomes(request: {
    readonly ids: readonly port.TaskId[]
    readonly bytesMax: number
  }): Promise<readonly (port.TaskOutcome | 'later' | null)[]> {
    return inspector.outcomes(this.#home, request)
  }

  async list(request: port.ListRequest): Promise<port.ListAnswer> {
    return inspector.list(this.#home, request)
  }

  async queues(): Promise<readonly port.QueueRecord[]> {
    return inspector.queues(this.#home)
  }

  async waitingRoutes(): Promise<readonly port.WaitingRoute[]> {
    return inspector.waitingRoutes(this.#home)
  }

  async dueSoon(request: port.DueSoonRequest): Promise<readonly port.DueSoon[]> {
    return inspector.dueSoon(this.#home, request)
  }

  async standing(request: port.StandingRequest): Promise<port.Standing | null> {
    return standing(this.#home, request)
  }

  async sessions(): Promise<readonly port.SessionRecord[]> {
    return inspector.sessions(this.#home)
  }

  async definitions(): Promise<readonly port.PublishedDefinition[]> {
    return inspector.definitions(this.#home)
  }

  async now(): Promise<number> {
    return (await this.#home.ask(scripts.timeNow, (packer) => packer.array(0))) as number
  }

  async audit(request: port.AuditRequest): Promise<port.AuditAnswer> {
    return audit(this.#open, request)
  }

  watch(): AsyncIterableIterator<port.Hint> {
    return this.#open.wakeups.watch()
  }

  /** Moves store time for all clients of the home, for tests. A clock that is moved back stands still. */
  async shiftClock(ms: number): Promise<void> {
    const { line, home } = this.#open
    await run(line, scripts.shiftClock, [home.prefix, String(ms)])
  }

  get #home(): Home {
    return this.#open.home
  }

  get #open(): Opened {
    if (this.#opened !== undefined) return this.#opened
    throw notOpen(this.#options.place)
  }
}
