/** One life of a task: a store in memory on time of its own, a worker that is interrupted, and another that takes over. */
import { resultIn } from '../client/handle.ts'
import type { Codec } from '../task/codecs/codec.ts'
import { durationMs } from '../task/duration.ts'
import { Handler, type AnyHandler, type Context } from '../task/handler.ts'
import { Mill } from '../client/mill.ts'
import { handlersByType, type HandlerSource } from '../worker/options.ts'
import { MemoryStore } from '../store/memory/store.ts'
import { NO_FAULTS, simulateProcess, type SimulatedProcess } from '../simulation/process.ts'
import { scoped, type Scoped } from '../platform/scoped.ts'
import { seededRandom } from '../simulation/random.ts'
import { systemPlatform } from '../platform/system.ts'
import { VirtualTime } from '../simulation/virtual-time.ts'
import type { Draft } from '../task/draft.ts'
import type { Logger } from '../task/logger.ts'
import type { TaskId, TaskRecord } from '../store/records.ts'
import type { CrashHandlers, CrashKit, EffectOptions } from './crash-test.ts'
import type { CrashScenario, Effect, Ending } from './crash-report.ts'
import { Points, type Interruption } from './points.ts'

/** How long time stands still for one effect. */
const EFFECT_MAX_MS = 30_000

const FINAL = ['succeeded', 'failed', 'cancelled'] as const
const LIST_MAX = 1_000

/** What is written of a context's own awaits. */
const CONTEXT_CALLS: ReadonlySet<PropertyKey> = new Set(['checkpoint', 'enqueue', 'results', 'result'])

const silent = (): void => undefined
const SILENT: Logger = { debug: silent, info: silent, warn: silent, error: silent }

export interface LifeParts {
  readonly task: Draft
  readonly handlers: CrashHandlers
  readonly limitMs: number
  readonly plan: Interruption | null
}

export interface Lived {
  readonly scenario: CrashScenario
  readonly places: readonly string[]
}

export async function live(parts: LifeParts): Promise<Lived> {
  return new Life(parts).live()
}

class Life {
  readonly #parts: LifeParts
  readonly #random = seededRandom(1)
  readonly #time = new VirtualTime(this.#random)
  readonly #store = new MemoryStore({ platform: this.#time.platform() })
  readonly #points: Points
  readonly #handlers: HandlerSource
  readonly #effects: Effect[] = []
  /** Which run of the task something belongs to. */
  readonly #run: Scoped<number> = scoped()
  /** Effects that have not answered: time stands still. */
  readonly #busy = new Set<Promise<unknown>>()
  readonly #goesOn = Promise.withResolvers<void>()
  /** How the payloads of each type are kept. */
  readonly #codecs: ReadonlyMap<string, Codec | undefined>
  #first: SimulatedProcess | undefined
  #cut = false
  #runs = 0
  /** Runs that have not come to their end, other than those that were killed. */
  #open = 0
  #failure: Error | undefined

  constructor(parts: LifeParts) {
    this.#parts = parts
    const { plan } = parts
    this.#points = new Points(plan?.point ?? null, {
      reached: () => this.#interrupt(),
      repeated: () => {
        if (plan?.kind === 'twice') this.#resume()
      },
    })
    const kit: CrashKit = {
      effect: (name, run, options) => this.#effect(name, run, options),
      sleep: (duration) => this.#sleep(durationMs(duration, 'The sleep')),
    }
    const handlers = handlersByType(parts.handlers(kit) as HandlerSource<never>)
    this.#handlers = Array.from(handlers.values(), (handler) => this.#watched(handler) as Handler)
    this.#codecs = new Map(Array.from(handlers.values(), ({ task }) => [task.name, task.codec]))
  }

  async live(): Promise<Lived> {
    const { task, limitMs } = this.#parts
    await this.#store.open()
    const producer = new Mill(this.#store, { platform: this.#time.platform(), logger: SILENT })
    this.#first = this.#startWorker()
    const [handle] = await this.#settled(producer.enqueueMany([task], { atomic: true }))
    const { id } = handle!
    await this.#until(() => this.#isFinal(id), limitMs)
    // the first run was cut off until now, or never got to its point: it goes on, too late
    this.#resume()
    await this.#until(async () => this.#open === 0 && (await this.#isAtRest()), limitMs)
    return { scenario: await this.#scenario(id), places: this.#points.places }
  }

  #startWorker(): SimulatedProcess {
    const process = simulateProcess({
      time: this.#time,
      random: this.#random,
      store: this.#store,
      faults: () => (this.#cut && process === this.#first ? { ...NO_FAULTS, lostCalls: 1 } : NO_FAULTS),
    })
    const mill = new Mill(process.store, { platform: process.platform, logger: SILENT })
    const worker = mill.worker({ handlers: this.#handlers })
    // one that is cut off cannot renew its lease: that is the test
    worker.on('error', silent)
    worker.start().catch((error: unknown) => this.#fail(error))
    return process
  }

  /** The first run has come to its point. */
  async #interrupt(): Promise<void> {
    if (this.#parts.plan!.kind === 'kill') {
      this.#first!.kill()
      this.#open -= 1
      this.#startWorker()
      return new Promise<never>(silent)
    }
    this.#cut = true
    this.#startWorker()
    return this.#goesOn.promise
  }

  #resume(): void {
    this.#cut = false
    this.#goesOn.resolve()
  }

  /** The handler, with points to interrupt it at if it is the one under test. */
  #watched({ task, run, options }: AnyHandler): AnyHandler {
    const { name } = this.#parts.task.task
    if (task.name !== name) {
      const apart = (input: never, ctx: never): unknown => this.#run.run(0, () => run(input, ctx))
      return new Handler(task, apart, options)
    }
    return new Handler(
      task,
      (input: never, ctx: never): unknown => {
        if ((ctx as Context).task.id !== this.#parts.task.id) return this.#run.run(0, () => run(input, ctx))
        const number = ++this.#runs
        this.#open += 1
        return this.#run.run(number, () =>
          this.#runWatched(number, () => run(input, this.#context(number, ctx) as never)),
        )
      },
      options,
    )
  }

  async #runWatched(number: number, run: () => unknown): Promise<unknown> {
    try {
      const result = await run()
      await this.#points.pass(number, 'after the handler')
      return result
    } finally {
      this.#open -= 1
    }
  }

  #context(run: number, ctx: Context): Context {
    return new Proxy(ctx, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        const call = (...args: readonly unknown[]): unknown => Reflect.apply(member, target, args)
        if (!CONTEXT_CALLS.has(name)) return call
        return (...args: readonly unknown[]) =>
          this.#points.around(run, `ctx.${String(name)}`, () => call(...args))
      },
    })
  }

  #effect<Args extends readonly unknown[], R>(
    name: string,
    perform: (...args: Args) => R | PromiseLike<R>,
    { key }: EffectOptions<Args> = {},
  ): (...args: Args) => Promise<R> {
    return (...args) => {
      const run = this.#run.current ?? 0
      return this.#points.around(run, name, () => {
        this.#effects.push({ name, args, key: key?.(...args) ?? null, run })
        return this.#whileTimeStands(name, async () => perform(...args))
      })
    }
  }

  async #whileTimeStands<R>(name: string, perform: () => Promise<R>): Promise<R> {
    const late = Promise.withResolvers<never>()
    const timer = systemPlatform.setTimer(
      EFFECT_MAX_MS,
      () => late.reject(new Error(`The effect ${name} did not answer within ${EFFECT_MAX_MS / 1_000} s.`)),
      'holds',
    )
    const performing = Promise.race([perform(), late.promise])
    this.#busy.add(performing)
    try {
      return await performing
    } finally {
      timer.cancel()
      this.#busy.delete(performing)
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#time.at(this.#time.nowMs + ms, resolve))
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error))
  }

  async #settled<T>(promise: Promise<T>): Promise<T> {
    let over = false
    const end = (): void => void (over = true)
    promise.then(end, end)
    await this.#until(() => over, this.#parts.limitMs)
    return promise
  }

  /** Lets time pass until something is so. */
  async #until(isSo: () => boolean | Promise<boolean>, limitMs: number): Promise<void> {
    const end = this.#time.nowMs + limitMs
    while (!(await isSo())) {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#busy.size > 0) await Promise.allSettled([Promise.race(this.#busy)])
      else if (this.#time.nowMs >= end) throw this.#tooLong(limitMs)
      else await this.#time.step(end)
    }
  }

  #tooLong(limitMs: number): Error {
    const { plan } = this.#parts
    const at = plan === null ? 'undisturbed' : `interrupted (${plan.kind}) ${plan.place}`
    return new Error(
      `The task did not come to its end within ${limitMs} ms, ${at}. Real timers know nothing of the test's time: let the handler wait by kit.sleep, and do what takes its time in kit.effect.`,
    )
  }

  async #isFinal(id: TaskId): Promise<boolean> {
    const [outcome] = await this.#store.outcomes({ ids: [id], bytesMax: 0 })
    return outcome === 'later' || (outcome !== null && outcome !== undefined && isFinal(outcome))
  }

  /** Whether all has ended that somebody handles. */
  async #isAtRest(): Promise<boolean> {
    const types = new Set((this.#handlers as readonly Handler[]).map(({ task }) => task.name))
    return (await this.#all()).every((task) => !types.has(task.type) || isFinal(task))
  }

  async #all(): Promise<readonly TaskRecord[]> {
    const { tasks } = await this.#store.list({ filter: {}, limit: LIST_MAX, cursor: null })
    const records = await this.#store.get(tasks.map(({ id }) => id))
    return records.filter((record) => record !== null)
  }

  async #scenario(id: TaskId): Promise<CrashScenario> {
    const all = await this.#all()
    const children = all
      .filter((record) => record.id !== id)
      .map((record) => this.#endingOf(record))
      .toSorted((one, other) => (`${one.type} ${one.id}` < `${other.type} ${other.id}` ? -1 : 1))
    return {
      interruption: this.#parts.plan,
      effects: this.#effects,
      ending: this.#endingOf(all.find((record) => record.id === id)!),
      children,
      runs: this.#runs,
    }
  }

  #endingOf(record: TaskRecord): Ending {
    const { id, type, state, error } = record
    const codec = this.#codecs.get(type)
    return { id, type, state, result: resultIn(record, { id, codec }), error: error?.message ?? null }
  }
}

function isFinal({ state }: Pick<TaskRecord, 'state'>): boolean {
  return FINAL.some((final) => final === state)
}
