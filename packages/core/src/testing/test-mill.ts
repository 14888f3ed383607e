/** A client for users' own tests: a store in memory, a clock that is moved, and a worker that works when it is told to. */
import { assertEnqueued, type EnqueuedMatch, type EnqueuedTask } from './enqueued.ts'
import { BatchHandler } from '../task/batch.ts'
import { checkedTime } from '../client/specs.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { checkTask, type AnyTask } from '../task/definition.ts'
import { durationMs, type Duration } from '../task/duration.ts'
import { Handler, type AnyHandler } from '../task/handler.ts'
import { handlersByType, type HandlerSource, type WorkerOptions } from '../worker/options.ts'
import { InvalidArgumentError } from '../task/errors.ts'
import { MemoryStore } from '../store/memory/store.ts'
import { Mill } from '../client/mill.ts'
import { systemPlatform } from '../platform/system.ts'
import { TestClock } from './test-clock.ts'
import { TestStore } from './test-store.ts'
import { workSingly, type WorkOptions } from './single-run.ts'
import type { Logger } from '../task/logger.ts'
import type { Plugin } from '../task/plugin.ts'
import type { ScheduleRecord } from '../store/schedules.ts'
import type { TaskSummary } from '../store/records.ts'
import type { Worker } from '../worker/worker.ts'

/** What a test's client runs, and what its clock shows at first. */
export interface TestMillOptions {
  /** What runs: handlers with `runIn` run inline here. Default: nothing, tasks are only enqueued. */
  readonly handlers?: HandlerSource | undefined
  /** What its clock shows at the beginning. Default: the time at which it is made. */
  readonly now?: Date | number | undefined
  /** The queues that are served. Default: those that the handlers' definitions name. */
  readonly queues?: WorkerOptions['queues']
  /** What its worker offers to tasks that have `needs`. Default: nothing. */
  readonly offers?: WorkerOptions['offers']
  readonly plugins?: readonly Plugin[] | undefined
  /** Default: nothing is logged. */
  readonly logger?: Logger | undefined
  /** How long the clock waits for a handler, in real time, before it goes on without it. Default 1 s. */
  readonly patience?: Duration | undefined
}

const MEMBERS: Members<TestMillOptions> = {
  handlers: true,
  now: true,
  queues: true,
  offers: true,
  plugins: true,
  logger: true,
  patience: true,
}

/** For how long `untilIdle` goes on. */
export interface IdleOptions {
  /** How much time may pass until then, by the test's clock. Default 1 d. */
  readonly within?: Duration | undefined
}

const IDLE_MEMBERS: Members<IdleOptions> = { within: true }

const silent = (): void => undefined
const SILENT: Logger = { debug: silent, info: silent, warn: silent, error: silent }

/** How long its worker may be without a sign of life: long, so that days need not be lived through in seconds. */
const LEASE = '1h'

/** Its worker is awake so long before something is to happen, and after. */
const WAKING_MS = 60_000

/** For less it does not sleep. */
const NAP_MIN_MS = 600_000

/** How much time of its own clock closing may take. */
const CLOSE_MS = 3_600_000

/** What one look at the store is about. */
const LOOK_MANY = 100

/** How many tasks an error names. */
const NAMED_TASKS = 5

/** A client of a store in memory with a clock that only the test moves, and a worker for its handlers. */
export interface TestMill extends AsyncDisposable {
  /** The client. Whatever waits for a task (`call`, `result`) goes on while the clock is moved: await both together. */
  readonly mill: Mill
  /** What its clock shows. */
  readonly now: Date
  /**
   * Whether a task was enqueued, by the client, a handler or a schedule, whatever became of it since.
   *
   * @param match what it is like: the members that are given. Default: any of the task
   * @returns all that are, in the order in which they were enqueued
   * @throws EnqueuedAssertionError, which shows what comes nearest; InvalidArgumentError
   */
  assertEnqueued<D extends AnyTask>(task: D, match?: EnqueuedMatch<D>): readonly EnqueuedTask<D>[]
  /** Lets so much time pass: handlers run whatever falls due in it, each at its time. */
  advance(duration: Duration): Promise<void>
  /**
   * Lets handlers run until nothing is left for them that is due, or is tried again: time passes until then. What was put
   * off (`delay`, `runAt`, a snooze), is held, or waits for such, stays.
   *
   * @throws Error if it does not come to that in time, which names what is left
   */
  untilIdle(options?: IdleOptions): Promise<void>
  /**
   * Runs one handler once, without a task: no retries, no time limit, no plugins. What it enqueues is enqueued here.
   *
   * @returns its result
   * @throws what it threw; InvalidPayloadError; InvalidArgumentError if it was not given to `testMill`
   */
  work<D extends AnyTask>(
    task: D,
    input: D['~task']['input'],
    options?: WorkOptions,
  ): Promise<D['~task']['result']>
  /** Ends what still runs, and closes the client. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * A client with a store in memory and a clock of its own, for a test: `await using t = await testMill({ handlers })`.
 * Nothing moves by itself: handlers run, and time passes, while `advance` or `untilIdle` is waited for.
 *
 * @throws InvalidArgumentError; PluginError
 */
export async function testMill(options: TestMillOptions = {}): Promise<TestMill> {
  const test = new Test(options)
  await test.open()
  return test
}

class Test implements TestMill {
  readonly mill: Mill
  readonly #clock: TestClock
  readonly #store: TestStore
  readonly #memory: MemoryStore
  readonly #logger: Logger
  readonly #handlers: ReadonlyMap<string, AnyHandler>
  readonly #worksOn: Pick<WorkerOptions, 'queues' | 'offers'>
  #worker: Worker | undefined
  #moving = false

  constructor(options: TestMillOptions) {
    checkMembers(options, MEMBERS, 'testMill')
    const { handlers = [], now, queues, offers, plugins, logger = SILENT, patience = '1s' } = options
    const startedAt = now === undefined ? systemPlatform.wallMs() : checkedTime(now, 'now')
    this.#clock = new TestClock(startedAt, durationMs(patience, 'patience'))
    const { platform } = this.#clock
    this.#memory = new MemoryStore({ platform })
    this.#store = new TestStore(this.#memory, () => this.#clock.wallMs)
    this.#logger = logger
    this.#worksOn = { queues, offers }
    this.#handlers = isNone(handlers) ? new Map() : handlersByType(handlers as HandlerSource<never>)
    this.mill = new Mill(this.#store.store, { platform, logger, plugins })
  }

  async open(): Promise<void> {
    await this.mill.open()
    // what its options make impossible is to be said now
    await this.#wake()
  }

  get now(): Date {
    return new Date(this.#clock.wallMs)
  }

  assertEnqueued<D extends AnyTask>(task: D, match: EnqueuedMatch<D> = {}): readonly EnqueuedTask<D>[] {
    return assertEnqueued(this.#store.arrivals, task, match)
  }

  async advance(duration: Duration): Promise<void> {
    const ms = durationMs(duration, 'The duration')
    await this.#move(() => this.#pass(ms, () => false))
  }

  async untilIdle(options: IdleOptions = {}): Promise<void> {
    checkMembers(options, IDLE_MEMBERS, 'untilIdle')
    const limitMs = durationMs(options.within ?? '1d', 'within')
    await this.#move(async () => {
      const isIdle = async (): Promise<boolean> => !(await this.#live()).some((task) => this.#isToDo(task))
      if (await this.#pass(limitMs, isIdle)) return
      const left = (await this.#live()).filter((task) => this.#isToDo(task))
      const names = left.slice(0, NAMED_TASKS).map(({ type, id, state }) => `${type} ${id} (${state})`)
      throw new Error(
        `Not all has come to rest within ${limitMs} ms of the test's time: ${names.join(', ')}. Is its queue paused, a limit spent, or does its handler wait for what never comes?`,
      )
    })
  }

  async work<D extends AnyTask>(
    task: D,
    input: D['~task']['input'],
    options: WorkOptions = {},
  ): Promise<D['~task']['result']> {
    checkTask(task)
    const handler = this.#handlers.get(task.name)
    if (handler === undefined)
      throw new InvalidArgumentError(`There is no handler of ${task.name} here.`, {
        hint: 'Give it: testMill({ handlers: [task.handler(…)] }).',
      })
    const { platform } = this.#clock
    return workSingly({ handler, input, options, mill: this.mill, platform, logger: this.#logger })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#store.open()
    let closed = false
    const closing = this.mill.close({ drain: 0 }).finally(() => void (closed = true))
    closing.catch(silent) // awaited below
    await this.#clock.pass(CLOSE_MS, () => closed)
    await closing
  }

  /** Until it is over tasks are given out. */
  async #move(run: () => Promise<unknown>): Promise<void> {
    if (this.#moving)
      throw new InvalidArgumentError('The clock is being moved already.', {
        hint: 'Await one advance or untilIdle before the next.',
      })
    this.#moving = true
    this.#store.open()
    try {
      await run()
    } finally {
      this.#store.shut()
      this.#moving = false
    }
  }

  /** The same handler, for which the clock waits. */
  #watched(handler: AnyHandler): AnyHandler {
    const { task, run } = handler
    const watched = (input: never, ctx: never): unknown => this.#clock.holding(() => run(input, ctx))
    if (!(handler instanceof BatchHandler)) return new Handler(task, watched, {})
    const { size, lingerMs, by } = handler.batch
    return new BatchHandler(task, watched, { size, linger: lingerMs, by: by as never })
  }

  /** Lets time pass, and its worker sleep where nothing is to happen: of long times most is passed so. */
  async #pass(ms: number, isOver: () => boolean | Promise<boolean>): Promise<boolean> {
    const end = this.#clock.wallMs + ms
    for (;;) {
      const leftMs = end - this.#clock.wallMs
      if (await this.#clock.pass(Math.min(leftMs, WAKING_MS), isOver)) return true
      if (leftMs <= WAKING_MS) return false
      const quietMs = Math.min(end, await this.#quietUntil()) - this.#clock.wallMs - WAKING_MS
      if (quietMs < NAP_MIN_MS) continue
      await this.#sleep()
      const { length } = this.#store.arrivals
      await this.#clock.pass(quietMs, () => this.#store.arrivals.length > length)
      await this.#wake()
    }
  }

  async #wake(): Promise<void> {
    if (this.#handlers.size === 0) return
    const handlers = Array.from(this.#handlers.values(), (handler) => this.#watched(handler) as Handler)
    this.#worker = this.mill.worker({ handlers, ...this.#worksOn, lease: LEASE })
    await this.#worker.start()
  }

  async #sleep(): Promise<void> {
    let stopped = false
    const stopping = this.#worker?.stop({ drain: 0 }).finally(() => void (stopped = true))
    if (stopping === undefined) return
    await this.#clock.pass(WAKING_MS, () => stopped)
    await stopping
  }

  /** When something is to happen next, by the store's clock; now, if something does. */
  async #quietUntil(): Promise<number> {
    const now = this.#clock.wallMs
    const times = (await this.#live()).flatMap((task) => {
      const { state, held, runAt, startBy, deadlineAt, type } = task
      if (state === 'running') return [now]
      const dueAt = state === 'pending' && !held && (runAt > now || this.#handlers.has(type)) ? runAt : null
      return [dueAt, startBy, deadlineAt].filter((time) => time !== null)
    })
    let after: string | null = null
    for (;;) {
      const page: readonly ScheduleRecord[] = await this.#memory.schedules({ after, limit: LOOK_MANY })
      times.push(...page.flatMap(({ nextAt, paused }) => (nextAt === null || paused ? [] : [nextAt])))
      if (page.length < LOOK_MANY) return times.reduce((first, time) => Math.min(first, time), Infinity)
      after = page.at(-1)!.name
    }
  }

  async #live(): Promise<readonly TaskSummary[]> {
    const live: TaskSummary[] = []
    let cursor: string | null = null
    do {
      const page = await this.#memory.list({
        filter: { states: ['blocked', 'pending', 'running'] },
        limit: LOOK_MANY,
        cursor,
      })
      live.push(...page.tasks)
      cursor = page.next
    } while (cursor !== null)
    return live
  }

  /** Whether a handler is to run it now, or again later. */
  #isToDo({ type, state, held, runAt, counters }: TaskSummary): boolean {
    if (!this.#handlers.has(type)) return false
    if (state === 'running') return true
    return state === 'pending' && !held && (runAt <= this.#clock.wallMs || counters.failures > 0)
  }
}

function isNone(handlers: HandlerSource): boolean {
  return Array.isArray(handlers) && handlers.length === 0
}
