/** The client: one store, and everything that can be done with it. */
import { ClosedError, InvalidArgumentError } from '../task/errors.ts'
import { checkedTaskId } from '../task/ids.ts'
import { durationMs, type Duration } from '../task/duration.ts'
import { shown } from '../task/shown.ts'
import {
  handlersByType,
  resolveWorkerOptions,
  type HandlerSource,
  type ResolvedWorkerOptions,
  type WorkerOptions,
} from '../worker/options.ts'
import { stderrLogger } from '../platform/console.ts'
import { systemPlatform } from '../platform/system.ts'
import { Worker } from '../worker/worker.ts'
import { checkMembers, reading, type Members } from '../task/members.ts'
import { checkTask, type AnyTask, type InputArguments } from '../task/definition.ts'
import { NO_OPTIONS, type Draft, type EnqueueOptions } from '../task/draft.ts'
import type { AnyFlow, Startable } from '../task/flow.ts'
import { checkedLogger, type Logger } from '../task/logger.ts'
import { checkedPlugins, type Plugin } from '../task/plugin.ts'
import type { Platform } from '../platform/platform.ts'
import type { Handles } from '../task/transaction.ts'
import type { PublishedDefinition, Store } from '../store/port.ts'
import type { Transactions } from '../store/transactions.ts'
import type { TaskId } from '../store/records.ts'
import { BudgetControl } from './budget-control.ts'
import { BudgetKeeper } from './budget-keeper.ts'
import { Connection } from './connection.ts'
import { checkEvents, eventsOf, type EventsOptions, type MillEvent, type TaskEventType } from './events.ts'
import { Examiner, type Examination, type ExamineOptions } from './examiner.ts'
import { Enqueuer, type BulkAnswer } from './enqueuer.ts'
import type { FlowHandles } from './flow-plan.ts'
import type { Guest } from './guest.ts'
import { BreakerControl, LimitControl, PartitionControl } from './flow-control.ts'
import { heldLock, type HeldLock } from './lock-status.ts'
import { UPKEEP_LOCK } from '../upkeep/leadership.ts'
import { Locker, type LockOptions } from './locker.ts'
import type { Lock } from './lock.ts'
import { PayloadChecker, type PayloadCheck } from './payload-checker.ts'
import { Plugins } from './plugins.ts'
import { QueueControl, WorkerControl } from './queue-control.ts'
import { ScheduleControl } from './schedule-control.ts'
import { servedBy, STEWARD, type Served } from './served.ts'
import { TaskControl } from './task-control.ts'
import {
  checkWait,
  TaskHandle,
  type EnqueuedHandle,
  type HandleContext,
  type ResultOptions,
} from './handle.ts'
import { Readers } from './readers.ts'
import { Waits } from './waits.ts'

/** What a client may be told beside its store. */
export interface MillOptions {
  /** Where warnings and errors go, and what workers do. Default: warnings and errors to stderr. */
  readonly logger?: Logger | undefined
  /** What stands around enqueues and handlers, and hears of what workers do; of several the first is the outermost. Default: nothing. */
  readonly plugins?: readonly Plugin[] | undefined
  /** How many tasks may be on their way to the store before enqueue throws a BackpressureError. Default 100 000. */
  readonly maxPending?: number | undefined
  /** How many bytes their payloads may have together. Default 64 MiB. Whatever comes when nothing is on its way is taken. */
  readonly maxPendingBytes?: number | undefined
  /**
   * How long a call waits for the store to answer, at least 100 ms, default 15 s. Then it rejects: with a StoreError
   * if nothing was carried out, with an AmbiguousError if that cannot be known. A store that gave nothing but failures
   * for a third of that counts as down: calls are then refused at once, until it answers again. Workers go on trying
   * in any case, and so does what their handlers enqueue.
   */
  readonly storeTimeout?: Duration | undefined
  /** Time and chance. For simulations. */
  readonly platform?: Platform | undefined
}

/** How a client is closed. */
export interface CloseOptions {
  /** How long its workers wait for running handlers. Default: what each worker says. */
  readonly drain?: WorkerOptions['drain']
}

interface BulkOptions {
  readonly atomic?: boolean | undefined
}

const BULK_MEMBERS: Members<BulkOptions> = { atomic: true }
const CLOSE_MEMBERS: Members<CloseOptions> = { drain: true }
const MILL_MEMBERS: Members<MillOptions> = {
  logger: true,
  plugins: true,
  maxPending: true,
  maxPendingBytes: true,
  storeTimeout: true,
  platform: true,
}

const MAX_PENDING_DEFAULT = 100_000
const MAX_PENDING_BYTES_DEFAULT = 64 * 1_048_576
/** Longer than any store may take for a single call, so that one which is slow can say what is the matter. */
const STORE_TIMEOUT_DEFAULT = '15s'
const STORE_TIMEOUT_MIN_MS = 100

type Answers<Drafts extends readonly Draft[]> = {
  -readonly [K in keyof Drafts]: BulkAnswer<Drafts[K]['task']>
}

/**
 * A client of a store, as `connect` and `createMill` give it: it enqueues, looks at tasks and acts on them, and makes
 * workers. What it opened is closed by `close`, or at the end of an `await using`.
 */
export class Mill implements AsyncDisposable {
  /** Looks at tasks and acts on them. */
  readonly tasks: TaskControl
  readonly queues: QueueControl
  readonly limits: LimitControl
  readonly breakers: BreakerControl
  readonly partitions: PartitionControl
  /** What queues and partitions may hold, and use in a time. */
  readonly budgets: BudgetControl
  readonly workers: WorkerControl
  /** What is enqueued again and again. */
  readonly schedules: ScheduleControl
  readonly #connection: Connection
  readonly #waits: Waits
  readonly #readers: Readers
  readonly #handles: HandleContext
  readonly #budgetKeeper: BudgetKeeper
  readonly #plugins: Plugins | undefined
  readonly #enqueuer: Enqueuer
  /** A handler that is told of an outage would burn an attempt: what it enqueues waits. */
  readonly #handlersEnqueuer: Enqueuer
  readonly #locker: Locker
  /** With the handlers of each, by task. */
  readonly #workers = new Map<Worker, ResolvedWorkerOptions['handlers']>()
  #closing: Promise<void> | undefined

  constructor(store: Store, options: MillOptions = {}) {
    checkMembers(options, MILL_MEMBERS, 'the client')
    const { platform = systemPlatform, plugins = [] } = options
    const logger = checkedLogger(options.logger ?? stderrLogger)
    const pendingMax = {
      tasks: checkedBound(options.maxPending ?? MAX_PENDING_DEFAULT, 'maxPending'),
      bytes: checkedBound(options.maxPendingBytes ?? MAX_PENDING_BYTES_DEFAULT, 'maxPendingBytes'),
    }
    const storeTimeoutMs = checkedTimeout(options.storeTimeout ?? STORE_TIMEOUT_DEFAULT)
    this.#connection = new Connection({ store, platform, logger, storeTimeoutMs })
    this.#waits = new Waits(this.#connection)
    this.#readers = new Readers(this.#connection)
    this.#budgetKeeper = new BudgetKeeper(this.#connection)
    this.#handles = { connection: this.#connection, waits: this.#waits, readers: this.#readers }
    const checked = checkedPlugins(plugins)
    this.#plugins = checked.length === 0 ? undefined : new Plugins(checked, { logger, platform, mill: this })
    const context = { ...this.#handles, budgets: this.#budgetKeeper, plugins: this.#plugins }
    this.#enqueuer = new Enqueuer(context, pendingMax, 'fails fast')
    this.#handlersEnqueuer = new Enqueuer(context, pendingMax, 'insists')
    this.#locker = new Locker(this.#connection)
    this.tasks = new TaskControl(this.#connection, (type) => this.#handled(type))
    this.queues = new QueueControl(this.#connection)
    this.limits = new LimitControl(this.#connection)
    this.breakers = new BreakerControl(this.#connection)
    this.budgets = new BudgetControl(this.#connection, () => this.#budgetKeeper.outdate())
    this.partitions = new PartitionControl(this.#connection)
    this.workers = new WorkerControl(this.#connection)
    this.schedules = new ScheduleControl(this.#connection, this.#enqueuer)
  }

  /**
   * Opens the store, and the plugins, now instead of with the first call that needs them.
   *
   * @throws StoreError, saying what to do; PluginError
   */
  open(): Promise<void> {
    return this.#connection.operation(async () => {
      await this.#connection.open()
      await this.#plugins?.ready()
    })
  }

  /**
   * Enqueues a task. When it resolves the task is as safe as the store keeps anything.
   *
   * @throws InvalidPayloadError, InvalidArgumentError, TooLargeError, ConflictError, UniqueKeyError,
   *   UnknownParentError, BackpressureError: nothing was written; StoreError; AmbiguousError; ClosedError
   */
  enqueue<D extends AnyTask>(
    task: D,
    ...[input, options]: InputArguments<D['~task']['input'], EnqueueOptions>
  ): Promise<EnqueuedHandle<D>> {
    if (this.#closing !== undefined) return Promise.reject(new ClosedError())
    return this.#enqueuer.one({ task, input, options: options ?? NO_OPTIONS })
  }

  /**
   * Enqueues many tasks, or a whole graph: drafts may name each other in `after`. With `atomic` all or none;
   * otherwise each by itself, and the answer says of each what became of it, in the order of the drafts.
   *
   * @throws CycleError, TooLargeError beyond 50 000 drafts; with `atomic` also what `enqueue` throws
   */
  enqueueMany<const Drafts extends readonly Draft[]>(
    drafts: Drafts,
    options: { readonly atomic: true },
  ): Promise<Handles<Drafts>>
  enqueueMany<const Drafts extends readonly Draft[]>(
    drafts: Drafts,
    options?: { readonly atomic?: false | undefined },
  ): Promise<Answers<Drafts>>
  async enqueueMany(drafts: readonly Draft[], options: BulkOptions = {}): Promise<readonly BulkAnswer[]> {
    if (this.#closing !== undefined) throw new ClosedError()
    checkMembers(options, BULK_MEMBERS, 'enqueueMany')
    const { atomic = false } = options
    if (typeof atomic !== 'boolean')
      throw new InvalidArgumentError(`atomic is ${shown(atomic)}.`, { hint: 'It is true or false.' })
    return atomic ? this.#enqueuer.atomically(drafts) : this.#enqueuer.bestEffort(drafts)
  }

  /**
   * Enqueues a flow: all of its tasks or none. Enqueuing the same flow again answers the tasks that are there.
   *
   * @throws what `enqueueMany` throws with `atomic`; InvalidArgumentError if a step that begins it has no input, or a
   *   draft stands in it twice
   */
  async enqueueFlow<F extends AnyFlow>(flow: F & Startable<F>): Promise<FlowHandles<F['~flow']>> {
    if (this.#closing !== undefined) throw new ClosedError()
    return this.#enqueuer.flow(flow)
  }

  /**
   * Enqueues a task and waits for its result.
   *
   * @throws what `enqueue` and `handle.result` throw
   */
  async call<D extends AnyTask>(
    task: D,
    input: D['~task']['input'],
    options: ResultOptions & EnqueueOptions,
  ): Promise<D['~task']['result']> {
    if (this.#closing !== undefined) throw new ClosedError()
    const { within, signal, ...rest } = reading('The options of call', () => ({ ...options }))
    checkWait({ within, signal }) // before anything is written
    signal?.throwIfAborted()
    const handle = await this.#enqueuer.one({ task, input, options: rest })
    return handle.result({ within, signal })
  }

  /** The handle of a task that was enqueued elsewhere. */
  handle<D extends AnyTask>(task: D, id: TaskId): TaskHandle<D> {
    checkTask(task)
    return new TaskHandle(task, checkedTaskId(id), this.#handles)
  }

  /**
   * Tells how tasks of the store end, whoever ran them, from the first `next` on: `for await (const event of
   * mill.events({ types: ['task.failed'] }))`. They are read from the store: soon after the end, in its order, and each
   * once. What was started over or removed between two looks is left out. Of what happens while nobody asks for the next
   * event the newest 1 000 are kept, and a `gap` says how many are missing. With `close` of the client it ends.
   *
   * @throws InvalidArgumentError; while it is read StoreError, what the signal was aborted with
   */
  events<const Type extends TaskEventType = TaskEventType>(
    options: EventsOptions<Type> = {},
  ): AsyncIterableIterator<MillEvent<Type>> {
    return eventsOf(this.#handles, checkEvents(options))
  }

  /**
   * Takes a lock, and renews its lease until it is released, or the client closes: `await using lock = await mill.lock(…)`.
   *
   * Who waits has no place in a line: whoever asks first once it is free gets it.
   *
   * @throws LockHeldError if somebody else had it all the time; what the signal was aborted with; InvalidArgumentError
   */
  lock(name: string, options?: LockOptions): Promise<Lock> {
    if (this.#closing !== undefined) return Promise.reject(new ClosedError())
    return this.#locker.lock(name, options)
  }

  /** The locks that are held, by name. */
  async locks(): Promise<readonly HeldLock[]> {
    const found = await this.#connection.operation(() => this.#connection.read((store) => store.locks()))
    return found.filter(({ name }) => name !== UPKEEP_LOCK).map(heldLock)
  }

  /**
   * Looks at all tasks, schedules and limits of the store for what should never be: counts that do not add up, tasks that wait
   * for nothing or that nobody looks after, slots of limits that nobody holds, fire times that were taken twice. It reads
   * every task once or more, in pages; what is found is looked for again five seconds later, so that what is only on
   * its way is no finding.
   *
   * @throws InvalidArgumentError, StoreError
   */
  examine(options: ExamineOptions = {}): Promise<Examination> {
    return new Examiner(this.#connection).examine(options)
  }

  /**
   * Runs the steps between versions, and the schemas, of these handlers' definitions over every task of theirs that is
   * queued or runs, in pages, and writes nothing: what would fail once this code is deployed.
   *
   * @throws InvalidArgumentError, StoreError
   */
  async check(handlers: HandlerSource<never>): Promise<PayloadCheck> {
    const byType = handlersByType(handlers)
    const checker = new PayloadChecker(this.#connection)
    return this.#connection.operation(() => checker.check(byType.values()))
  }

  /** The definitions that workers on this store have published: what producers go by that have only a task's name. */
  definitions(): Promise<readonly PublishedDefinition[]> {
    return this.#connection.operation(() => this.#connection.read((store) => store.definitions()))
  }

  /** What a server works with that stands before this client's store. Not for users. */
  get '~served'(): Served {
    return servedBy(this.#connection, this.#budgetKeeper, () => this.#newWorker(STEWARD))
  }

  /**
   * A worker on this store. It does nothing until it is started.
   *
   * @throws InvalidArgumentError
   */
  worker(options: WorkerOptions): Worker {
    return this.newWorker(options)
  }

  protected newWorker(options: WorkerOptions<never>): Worker {
    return this.#newWorker(resolveWorkerOptions(options))
  }

  #newWorker(options: ResolvedWorkerOptions): Worker {
    if (this.#closing !== undefined) throw new ClosedError()
    const parts = {
      connection: this.#connection,
      enqueuer: this.#handlersEnqueuer,
      budgets: this.#budgetKeeper,
      plugins: this.#plugins,
      options,
      stopped: (worker: Worker): void => void this.#workers.delete(worker),
    }
    const worker = new Worker(parts)
    this.#workers.set(worker, options.handlers)
    return worker
  }

  /**
   * Refuses new calls, stops its workers, waits for what is on its way to the store, ends waits with a
   * ClosedError, and closes the store.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    checkMembers(options, CLOSE_MEMBERS, 'close')
    if (options.drain !== undefined) durationMs(options.drain, 'drain')
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The definition of a type that a worker of this client handles. */
  #handled(type: string): AnyTask | undefined {
    for (const handlers of this.#workers.values()) {
      const handler = handlers.get(type)
      if (handler !== undefined) return handler.task
    }
    return undefined
  }

  /** @throws ClosedError */
  protected guest(tx: unknown, transactions: Transactions<unknown>): Guest {
    if (this.#closing !== undefined) throw new ClosedError()
    return this.#enqueuer.within(tx, transactions)
  }

  async #close({ drain }: CloseOptions): Promise<void> {
    this.#readers.close()
    const ended = this.#connection.endOperations()
    const unlocked = this.#locker.close()
    await Promise.all([...this.#workers.keys()].map((worker) => worker.stop({ drain })))
    this.#waits.close()
    await Promise.all([this.#enqueuer.close(), this.#handlersEnqueuer.close(), ended, unlocked])
    await this.#budgetKeeper.close()
    await this.#plugins?.close()
    await this.#connection.close()
  }
}

function checkedBound(bound: number, what: string): number {
  if (Number.isInteger(bound) && bound >= 1) return bound
  throw new InvalidArgumentError(`${what} is ${shown(bound)}.`, { hint: 'It is a whole number, at least 1.' })
}

function checkedTimeout(timeout: Duration): number {
  const timeoutMs = durationMs(timeout, 'storeTimeout')
  if (timeoutMs >= STORE_TIMEOUT_MIN_MS) return timeoutMs
  throw new InvalidArgumentError(`storeTimeout is ${timeoutMs} ms.`, {
    hint: `It is ${STORE_TIMEOUT_MIN_MS} ms at least.`,
  })
}
