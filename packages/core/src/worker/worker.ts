/**
 * A worker: takes tasks from the store and runs their handlers. Each role is a room of its own: `Lease` keeps
 * the session alive, `Exchanger` settles and claims, `Appetite` says how much, `Executor` runs, `Holdings`
 * knows what is held, `Upkeep` does what any worker can. This one starts and stops them in order.
 */
import type { Upkeep } from '../upkeep/upkeep.ts'
import { ClosedError, ProcessExitError, StalledError } from '../task/errors.ts'
import { attribute } from '../platform/attribution.ts'
import { onSignals } from '../platform/signals.ts'
import type { BudgetKeeper } from '../client/budget-keeper.ts'
import type { Connection } from '../client/connection.ts'
import type { Enqueuer } from '../client/enqueuer.ts'
import type { Plugins } from '../client/plugins.ts'
import type { ExchangeAnswer } from '../store/port.ts'
import type { Fence, SessionId } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'
import { BlockWatch } from './block-watch.ts'
import { checkedDrainMs, checkedUntil, type RunOptions, type StopOptions } from './commands.ts'
import { declareLimits } from './declarations.ts'
import { tellSchemaChanges } from './fingerprints.ts'
import { Exchanger } from './exchanger.ts'
import type { Executor } from './executor.ts'
import { newEmitter, newExecutor, newIdleness, newUpkeep, type Failed } from './assembly.ts'
import { Holding } from './holding.ts'
import { Holdings } from './holdings.ts'
import type { Idleness } from './idleness.ts'
import { Lease } from './lease.ts'
import { listenFor } from './listening.ts'
import { Orders } from './orders.ts'
import { logEvents } from './journal.ts'
import { profileOf } from './profile.ts'
import { Run } from './run.ts'
import { Slots } from './slots.ts'
import { tastesOf } from './tastes.ts'
import { Vitals } from './vitals.ts'
import { within } from './within.ts'
import type { Elsewhere } from './elsewhere.ts'
import type { WorkerHealth } from './health.ts'
import type { WorkerMetrics } from './metrics.ts'
import { taskInfo, type WorkerEmitter, type WorkerEvents } from './events.ts'
import type { ResolvedWorkerOptions } from './options.ts'

/** After the abort signal, handlers have so long to give way before their tasks are returned. */
const ABORT_GRACE_MS = 3_000

/** How long the last settlements may take when the store does not answer. */
const FLUSH_MS = 10_000

/** How long giving the lease back may take. */
const CLOSE_MS = 5_000

export interface WorkerParts {
  readonly connection: Connection
  readonly enqueuer: Enqueuer
  readonly budgets: BudgetKeeper
  readonly plugins: Plugins | undefined
  readonly options: ResolvedWorkerOptions
  /** Called when it has stopped, and needs nobody's care any more. */
  readonly stopped: (worker: Worker) => void
}

/** Runs handlers, under a lease that it renews. `mill.worker(…)` makes one; it does nothing until it is started. */
export class Worker implements AsyncDisposable {
  readonly #connection: Connection
  readonly #plugins: Plugins | undefined
  readonly #options: ResolvedWorkerOptions
  readonly #emitter: WorkerEmitter
  readonly #holdings: Holdings
  readonly #lease: Lease
  readonly #vitals: Vitals
  readonly #exchanger: Exchanger
  readonly #executor: Executor
  readonly #upkeep: Upkeep
  readonly #blockWatch: BlockWatch
  readonly #stopped = Promise.withResolvers<void>()
  readonly #hurried = Promise.withResolvers<void>()
  #unlisten: () => void = () => undefined
  readonly #givenUp = Promise.withResolvers<never>()
  /** Whether the start has come to an end, and to which. */
  #launch: 'open' | 'done' | 'given up' = 'open'
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #isOver = false
  #idleness: Idleness | undefined

  constructor({ connection, enqueuer, budgets, plugins, options: given, stopped }: WorkerParts) {
    this.#connection = connection
    this.#plugins = plugins
    void this.#stopped.promise.then(() => stopped(this))
    const slots = new Slots(given)
    const options = (this.#options = slots.inForce(given))
    this.#emitter = newEmitter(connection, plugins)
    const failed: Failed = (error, doing) => this.#emitter.emit('error', { error, doing })
    this.#holdings = new Holdings({
      lost: ({ claim }) => {
        this.#vitals.tally.lost += 1
        this.#emitter.emit('lost', { task: taskInfo(claim), attempt: claim.counters.failures + 1 })
      },
    })
    this.#lease = this.#newLease(options, this.#newOrders(slots), failed)
    this.#blockWatch = new BlockWatch({
      platform: connection.platform,
      busy: () => this.#executor.busyHere(),
      blocked: (event) => this.#emitter.emit('blocked', event),
    })
    this.#vitals = this.#newVitals(options, failed)
    this.#executor = newExecutor({
      connection,
      enqueuer,
      budgets,
      options,
      slots,
      emitter: this.#emitter,
      tally: this.#vitals.tally,
      holdings: this.#holdings,
      blockWatch: this.#blockWatch,
      lease: this.#lease,
      exchanger: () => this.#exchanger,
      released: (run) => this.#released(run),
      plugins,
    })
    this.#exchanger = new Exchanger({
      connection,
      session: () => this.#lease.session,
      tastes: tastesOf(options, this.#executor),
      claimed: (answer, session) => this.#claimed(answer, session),
      exchanged: () => (this.#vitals.tally.exchanges += 1),
      lost: (holding) => this.#holdings.lose(holding),
      dead: (session) => this.#lease.lost(session),
      failed: (error) => failed(error, 'settling and claiming tasks'),
    })
    this.#upkeep = newUpkeep({
      connection,
      enqueuer,
      options,
      lease: this.#lease,
      emitter: this.#emitter,
      takenOver: (fence, transition) => this.#takenOver(fence, transition),
      failed,
    })
    logEvents(this.#emitter, connection.logger)
  }

  #newLease(options: ResolvedWorkerOptions, orders: Orders, failed: Failed): Lease {
    const isDraining = (): boolean => this.#stopping !== undefined
    return new Lease({
      connection: this.#connection,
      ttlMs: options.ttlMs,
      maxBlockMs: options.maxBlockMs,
      get profile() {
        return profileOf(options, isDraining() ? 'draining' : 'running')
      },
      holdings: () => ({
        held: this.#holdings.list(),
        awaiting: [...this.#exchanger.awaiting, ...this.#upkeep.awaiting],
      }),
      renewed: (answer) => {
        this.#holdings.heed(answer)
        orders.heed(answer.order)
      },
      lapsed: () => this.#holdings.loseAll(),
      opened: () => this.#exchanger.hungry(),
      failed: (error) => failed(error, 'renewing the lease'),
    })
  }

  #newOrders(slots: Slots): Orders {
    return new Orders({
      slots,
      resized: () => {
        this.#lease.publish()
        this.#exchanger.hungry()
      },
      end: (how) => void (how === 'drain' ? this.#stopIn(Infinity) : this.stop()),
    })
  }

  #newVitals(options: ResolvedWorkerOptions, failed: Failed): Vitals {
    return new Vitals({
      connection: this.#connection,
      options,
      lease: () => this.#lease,
      executor: () => this.#executor,
      phase: () => {
        if (this.#isOver) return 'stopped'
        return this.#stopping === undefined ? (this.#launch === 'done' ? 'working' : 'starting') : 'draining'
      },
      stalled: (why) => failed(new StalledError(why), 'claiming tasks'),
      failed: (error) => failed(error, 'looking for what waits'),
    })
  }

  /** Calls the listener with each such event until the answer is called, or disposed of. */
  on<K extends keyof WorkerEvents>(
    name: K,
    listener: (event: WorkerEvents[K]) => void,
  ): (() => void) & Disposable {
    const off = this.#emitter.on(name, listener)
    return Object.assign(off, { [Symbol.dispose]: off })
  }

  /** Whether it does what it is there for, and if not, why. At any time, and at once. */
  health(): WorkerHealth {
    return this.#vitals.health()
  }

  /** What it has counted since it was made. At any time, and at once. */
  metrics(): WorkerMetrics {
    return this.#vitals.metrics()
  }

  /**
   * Opens a session and begins to claim. The process then stays alive until the worker is stopped.
   *
   * @throws StoreError if the store cannot be opened (it can be tried again), ClosedError if the worker was
   *   stopped, also if it was while this waited for the store and the stop would not wait
   */
  start(): Promise<void> {
    if (this.#stopping !== undefined) return Promise.reject(new ClosedError('This worker'))
    this.#starting ??= Promise.race([this.#start(), this.#givenUp.promise]).catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /**
   * Starts, owns SIGINT and SIGTERM (a second one skips the drain; while it still waits for the store the first
   * one gives that up), and resolves when the worker has stopped. Meanwhile an error that a handler caused and nobody
   * caught, or a call of `process.exit` by it, fails the attempt of its task, and the process goes on.
   *
   * @throws StoreError if the store cannot be opened, InvalidArgumentError
   */
  async run(options: RunOptions = {}): Promise<void> {
    const until = checkedUntil(options)
    const hurry = (): void => void this.stop({ drain: 0 })
    using _ = onSignals({
      first: () => (this.#launch === 'done' ? void this.stop() : hurry()),
      second: hurry,
    })
    // what belongs to no task ends the process as ever
    using _attribution = attribute((code) => new ProcessExitError(code))
    // what stops a start while it waits for the store is no error of it
    await this.start().catch((error: unknown) => {
      if (!this.#isGivenUp()) throw error
    })
    if (until === 'idle' && this.#launch === 'done') {
      this.#idleness ??= newIdleness(this.#connection, this.#options, {
        again: () => this.#exchanger.hungry(),
        emitter: this.#emitter,
      })
      this.#exchanger.hungry()
      await Promise.race([this.#idleness.over, this.#stopped.promise])
      await this.stop()
    }
    await this.#stopped.promise
  }

  /**
   * Stops claiming and waits for running handlers; then aborts their signals, returns what did not give way
   * (no failure is counted), and gives the lease back. Called again it waits no longer than is said then. It ends
   * in bounded time and without an error even if the store is gone: what it could not write lapses.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    return this.#stopIn(checkedDrainMs(options) ?? this.#options.drainMs)
  }

  #stopIn(drainMs: number): Promise<void> {
    if (drainMs === 0) this.#hurried.resolve()
    else if (this.#stopping !== undefined)
      void this.#within(drainMs, this.#stopped.promise).then(this.#hurried.resolve)
    this.#stopping ??= this.#stop(drainMs).finally(() => this.#ended())
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Not for users. */
  get '~elsewhere'(): Elsewhere {
    const abandon = (): Promise<void> => {
      this.#executor.close()
      this.#holdings.loseAll()
      return this.#stopIn(0)
    }
    return { stopped: this.#stopped.promise, abandon }
  }

  async #start(): Promise<void> {
    await this.#connection.open().then(() => this.#plugins?.ready())
    if (this.#isGivenUp()) return
    await declareLimits(this.#connection, this.#options.limits)
    await tellSchemaChanges(this.#connection, this.#options, this.#emitter)
    if (this.#isGivenUp()) return
    await this.#lease.open()
    if (this.#isGivenUp()) return this.#lease.close()
    this.#launch = 'done'
    this.#listen()
    this.#upkeep.start()
    this.#blockWatch.start()
    this.#vitals.start()
    this.#exchanger.claim(true)
  }

  #ended(): void {
    this.#isOver = true
    this.#vitals.stop()
    this.#stopped.resolve()
  }

  #listen(): void {
    this.#unlisten = listenFor(this.#connection, this.#options.handlers, {
      hungry: () => this.#exchanger.hungry(),
      askNow: () => this.#exchanger.askNow(),
      cancelled: () => {
        if (this.#holdings.size > 0) this.#lease.renewNow()
      },
    })
  }

  async #stop(drainMs: number): Promise<void> {
    if (!(await this.#hasStarted())) return
    this.#exchanger.claim(false)
    const cared = this.#upkeep.stop()
    this.#executor.close()
    if (this.#executor.load > 0) this.#lease.publish()
    await this.#within(drainMs, this.#executor.rest(), this.#hurried.promise)
    this.#executor.abortBusy('shutdown', 'The worker is stopping.')
    await this.#within(ABORT_GRACE_MS, this.#executor.rest())
    this.#executor.returnBusy()
    const ended = this.#executor.end()
    // what the upkeep took over last is to be written too
    const flushed = cared.then(() => this.#exchanger.rest())
    await this.#within(FLUSH_MS, flushed)
    this.#unlisten()
    this.#blockWatch.stop()
    await this.#within(CLOSE_MS, this.#lease.close())
    await this.#within(CLOSE_MS, ended)
    this.#exchanger.close()
  }

  #isGivenUp(): boolean {
    return this.#launch === 'given up'
  }

  #giveUp(): void {
    if (this.#launch !== 'open') return
    this.#launch = 'given up'
    this.#givenUp.reject(new ClosedError('This worker'))
  }

  /** Waits for a start that is under way, unless it is to be quick. */
  async #hasStarted(): Promise<boolean> {
    if (this.#starting === undefined) return false
    void this.#hurried.promise.then(() => this.#giveUp())
    try {
      await this.#starting
      return this.#starting !== undefined
    } catch {
      return false // its caller was told
    }
  }

  #within(ms: number, ...ends: readonly Promise<void>[]): Promise<void> {
    return within(this.#connection.platform, ms, ends)
  }

  #claimed(answer: ExchangeAnswer, session: SessionId): void {
    this.#vitals.answered(answer.claims.length)
    if (answer.undelivered) this.#upkeep.deliverNow()
    const nowMs = this.#connection.platform.monotonicMs()
    const runs = answer.claims.map((claim) => {
      const { deadlineAt } = claim
      return new Run(claim, deadlineAt === null ? null : nowMs + deadlineAt - answer.now)
    })
    const held = runs.filter((run) => this.#holdings.add(run))
    if (held.length > 0) this.#lease.expectWork()
    // what a lease brought that is lost by now is nobody's to run
    if (session === this.#lease.session) this.#executor.add(held)
    else this.#executor.giveBack(held)
    // the task came back to us under a newer claim, whose answer was sooner here
    if (held.length < runs.length) this.#executor.giveBack(runs.filter((run) => !held.includes(run)))
    if (this.#holdings.size > 0) this.#idleness?.busy()
    else if (this.#idleness !== undefined && this.#exchanger.isIdle()) this.#idleness.nothingLeft()
  }

  #takenOver(fence: Fence, transition: Transition): void {
    if ('count' in transition && /crash/.test(transition.count)) this.#vitals.tally.crashes += 1
    const holding = new Holding(fence)
    this.#holdings.add(holding)
    holding.end(transition, () => this.#holdings.release(holding))
    this.#exchanger.settleSoon(holding, 'now')
  }

  #released(run: Run): void {
    this.#holdings.release(run)
    if (this.#idleness !== undefined && this.#holdings.size === 0) this.#exchanger.hungry()
  }
}
