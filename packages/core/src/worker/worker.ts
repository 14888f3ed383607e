/**
 * A worker: takes tasks from the store and runs their handlers. Each role is a room of its own: `Lease` keeps
 * the session alive, `Exchanger` settles and claims, `Appetite` says how much, `Executor` runs, `Holdings`
 * knows what is held, `Upkeep` does what any worker can. This one brings them together, and starts and stops them
 * in order.
 */
import { Upkeep } from '../upkeep/upkeep.ts'
import { ClosedError, InvalidArgumentError } from '../task/errors.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import { durationMs, type Duration } from '../task/duration.ts'
import { hostProfile } from '../platform/host.ts'
import type { UniqueCall } from '../task/options.ts'
import { jsonSchemaOf } from '../task/schema.ts'
import { onSignals } from '../platform/signals.ts'
import type { AnyTask } from '../task/definition.ts'
import type { BudgetKeeper } from '../client/budget-keeper.ts'
import type { Connection } from '../client/connection.ts'
import type { Enqueuer } from '../client/enqueuer.ts'
import type { ExchangeAnswer, PublishedDefinition, SessionRequest } from '../store/port.ts'
import type { Fence, SessionId } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'
import { breakersOf } from './breakers.ts'
import { declareLimits } from './declarations.ts'
import { Exchanger } from './exchanger.ts'
import { Executor } from './executor.ts'
import { Holding } from './holding.ts'
import { Holdings } from './holdings.ts'
import { Idleness } from './idleness.ts'
import { Lease } from './lease.ts'
import { logEvents } from './journal.ts'
import { Run } from './run.ts'
import { tastesOf } from './tastes.ts'
import { taskInfo, WorkerEmitter, type WorkerEvents } from './events.ts'
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
  readonly options: ResolvedWorkerOptions
  /** Called when it has stopped, and needs nobody's care any more. */
  readonly stopped: (worker: Worker) => void
}

export interface RunOptions {
  /**
   * `idle`: until nothing is left that this worker could run, now or at a time in sight: a task that is due in an
   * hour keeps it waiting, and so does one of its types and queues that runs elsewhere, since it may come back
   * (it is taken over if its worker has died). Default: until it is stopped.
   */
  readonly until?: 'idle' | undefined
}

export interface StopOptions {
  /** How long to wait for running handlers. Default: the worker's `drain`. */
  readonly drain?: Duration | undefined
}

const RUN_MEMBERS: Members<RunOptions> = { until: true }
const STOP_MEMBERS: Members<StopOptions> = { drain: true }

export class Worker implements AsyncDisposable {
  readonly #connection: Connection
  readonly #options: ResolvedWorkerOptions
  readonly #emitter: WorkerEmitter
  readonly #holdings: Holdings
  readonly #lease: Lease
  readonly #exchanger: Exchanger
  readonly #executor: Executor
  readonly #upkeep: Upkeep
  readonly #stopped = Promise.withResolvers<void>()
  readonly #hurried = Promise.withResolvers<void>()
  #unlisten: () => void = () => undefined
  readonly #givenUp = Promise.withResolvers<never>()
  /** Whether the start has come to an end, and to which. */
  #launch: 'open' | 'done' | 'given up' = 'open'
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #idleness: Idleness | undefined

  constructor({ connection, enqueuer, budgets, options, stopped }: WorkerParts) {
    this.#connection = connection
    void this.#stopped.promise.then(() => stopped(this))
    this.#options = options
    this.#emitter = new WorkerEmitter({
      unheard: ({ error, doing }) => connection.logger.error({ error }, `${doing} failed`),
      soon: (run) => connection.platform.soon(run),
    })
    const failed = (error: unknown, doing: string): void => this.#emitter.emit('error', { error, doing })
    this.#holdings = new Holdings({
      lost: ({ claim }) =>
        this.#emitter.emit('lost', { task: taskInfo(claim), attempt: claim.counters.failures + 1 }),
    })
    this.#lease = new Lease({
      connection,
      ttlMs: options.ttlMs,
      profile: profileOf(options),
      holdings: () => ({
        held: this.#holdings.list(),
        awaiting: [...this.#exchanger.awaiting, ...this.#upkeep.awaiting],
      }),
      renewed: (answer) => this.#holdings.heed(answer),
      lapsed: () => this.#holdings.loseAll(),
      opened: () => this.#exchanger.hungry(),
      failed: (error) => failed(error, 'renewing the lease'),
    })
    this.#executor = this.#newExecutor({ enqueuer, budgets })
    this.#exchanger = new Exchanger({
      connection,
      session: () => this.#lease.session,
      tastes: tastesOf(options, this.#executor),
      claimed: (answer, session) => this.#claimed(answer, session),
      lost: (holding) => this.#holdings.lose(holding),
      dead: (session) => this.#lease.lost(session),
      failed: (error) => failed(error, 'settling and claiming tasks'),
    })
    this.#upkeep = new Upkeep({
      connection,
      session: () => this.#lease.session,
      takenOver: ({ fence }, transition) => this.#takenOver(fence, transition),
      stranded: ({ dueSince, ...route }) =>
        this.#emitter.emit('stranded', { ...route, since: new Date(dueSince) }),
      dueSoon: (task) => this.#emitter.emit('dueSoon', { ...task, dueBy: new Date(task.dueBy) }),
      failed,
    })
    logEvents(this.#emitter, connection.logger)
  }

  #newExecutor({ enqueuer, budgets }: Pick<WorkerParts, 'enqueuer' | 'budgets'>): Executor {
    const connection = this.#connection
    const { handlers, breakers: rules, concurrency, queues } = this.#options
    const failed = (error: unknown): void =>
      this.#emitter.emit('error', { error, doing: 'changing a circuit breaker' })
    const breakers = breakersOf(rules, { connection, handlers, failed })
    return new Executor({
      connection,
      enqueuer,
      handlers,
      concurrency,
      queues,
      emitter: this.#emitter,
      checkLease: () => this.#lease.check(),
      settleSoon: (run, when) => this.#exchanger.settleSoon(run, when),
      attempted: (run, attempted, handlerMs) => {
        breakers?.note(run, attempted)
        budgets.ran(run.claim, handlerMs)
      },
      abandoned: (run) => this.#holdings.abandon(run),
      freed: () => this.#exchanger.ring(),
      released: (run) => this.#released(run),
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
   * one gives that up), and resolves when the worker has stopped.
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
    await this.#startUnlessStopped()
    if (until === 'idle' && this.#launch === 'done') {
      this.#idleness ??= this.#newIdleness()
      this.#exchanger.hungry()
      await Promise.race([this.#idleness.over, this.#stopped.promise])
      await this.stop()
    }
    await this.#stopped.promise
  }

  /** What stops a start while it waits for the store is no error of it. */
  async #startUnlessStopped(): Promise<void> {
    try {
      await this.start()
    } catch (error) {
      if (!this.#isGivenUp()) throw error
    }
  }

  #newIdleness(): Idleness {
    return new Idleness({
      connection: this.#connection,
      types: new Set(this.#options.handlers.keys()),
      queues: new Set(this.#options.queues.keys()),
      again: () => this.#exchanger.hungry(),
      failed: (error) => this.#emitter.emit('error', { error, doing: 'looking for what others run' }),
    })
  }

  /**
   * Stops claiming and waits for running handlers; then aborts their signals, returns what did not give way
   * (no failure is counted), and gives the lease back. Called again with `drain: 0` it waits no longer. It ends
   * in bounded time and without an error even if the store is gone: what it could not write lapses.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    checkMembers(options, STOP_MEMBERS, 'stop')
    const { drain } = options
    const drainMs = drain === undefined ? this.#options.drainMs : durationMs(drain, 'drain')
    if (drainMs === 0) this.#hurried.resolve()
    this.#stopping ??= this.#stop(drainMs).finally(() => this.#stopped.resolve())
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #start(): Promise<void> {
    await this.#connection.open()
    if (this.#isGivenUp()) return
    await declareLimits(this.#connection, this.#options.limits)
    if (this.#isGivenUp()) return
    await this.#lease.open()
    if (this.#isGivenUp()) return this.#lease.close()
    this.#launch = 'done'
    this.#listen()
    this.#upkeep.start()
    this.#exchanger.claim(true)
  }

  #listen(): void {
    const unlisten = this.#connection.listen((hint) => {
      if (hint.ready) this.#exchanger.hungry()
      if (hint.cancel && this.#holdings.size > 0) this.#lease.renewNow()
    })
    const { handlers } = this.#options
    const unlistenToAdds = this.#connection.listenToAdds((groups) => {
      if (groups.some(({ tasks }) => tasks.some(({ type }) => handlers.has(type)))) this.#exchanger.askNow()
    })
    this.#unlisten = () => {
      unlisten()
      unlistenToAdds()
    }
  }

  async #stop(drainMs: number): Promise<void> {
    if (!(await this.#hasStarted())) return
    this.#exchanger.claim(false)
    const cared = this.#upkeep.stop()
    this.#executor.close()
    await this.#within(drainMs, this.#executor.rest(), this.#hurried.promise)
    this.#executor.abortBusy('shutdown', 'The worker is stopping.')
    await this.#within(ABORT_GRACE_MS, this.#executor.rest())
    this.#executor.returnBusy()
    // what the upkeep took over last is to be written too
    const flushed = cared.then(() => this.#exchanger.rest())
    await this.#within(FLUSH_MS, flushed)
    this.#unlisten()
    await this.#within(CLOSE_MS, this.#lease.close())
    this.#exchanger.close()
  }

  #isGivenUp(): boolean {
    return this.#launch === 'given up'
  }

  /** Gives up a start that waits for the store. */
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

  /** Waits for the first of these, but no longer than `ms`. */
  async #within(ms: number, ...ends: readonly Promise<void>[]): Promise<void> {
    const over = Promise.withResolvers<void>()
    const timer = this.#connection.platform.setTimer(ms, over.resolve, 'holds')
    await Promise.race([...ends, over.promise])
    timer.cancel()
  }

  #claimed(answer: ExchangeAnswer, session: SessionId): void {
    if (answer.undelivered) this.#upkeep.deliverNow()
    const nowMs = this.#connection.platform.monotonicMs()
    const runs = answer.claims.map((claim) => {
      const { deadlineAt } = claim
      return new Run(claim, deadlineAt === null ? null : nowMs + deadlineAt - answer.now)
    })
    for (const run of runs) this.#holdings.add(run)
    // what a lease brought that is lost by now is nobody's to run
    if (session === this.#lease.session) this.#executor.add(runs)
    else this.#executor.giveBack(runs)
    if (this.#idleness === undefined) return
    if (this.#holdings.size > 0) this.#idleness.busy()
    else if (this.#exchanger.isIdle()) this.#idleness.nothingLeft()
  }

  #takenOver(fence: Fence, transition: Transition): void {
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

function checkedUntil(options: RunOptions): RunOptions['until'] {
  checkMembers(options, RUN_MEMBERS, 'run')
  const until: unknown = options.until
  if (until === undefined || until === 'idle') return until
  throw new InvalidArgumentError(`until is ${shown(until)}.`, {
    hint: "It is 'idle', or left out: then it runs until it is stopped.",
  })
}

function profileOf({
  handlers,
  queues,
  offers,
  concurrency,
}: ResolvedWorkerOptions): Omit<SessionRequest, 'session' | 'ttlMs'> {
  const definitions = Array.from(handlers.values(), ({ task }): PublishedDefinition => {
    const { queue, level, ...options } = task.options
    return {
      type: task.name,
      queue,
      level,
      // the key itself is a function of the definition's, but who has only its name is to know that there is one
      options: JSON.stringify({ ...options, unique: uniquenessOf(task) }),
      schema: jsonSchemaOf(task.input),
    }
  })
  return {
    ...hostProfile(),
    queues: [...queues.keys()],
    types: [...handlers.keys()],
    offers,
    concurrency,
    definitions,
  }
}

/** What a call may say of uniqueness, but for the key. */
function uniquenessOf({ unique }: AnyTask): Omit<UniqueCall, 'key'> | null {
  if (unique === undefined) return null
  const { while: held, within } = unique
  return { while: held, within, then: unique.then }
}
