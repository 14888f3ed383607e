/**
 * Runs handlers: up to so many at a time, in the order in which their tasks were claimed. What becomes of a task
 * is decided by policy and written by the exchanger.
 */
import { decide, type Outcome } from '../policy/outcome.ts'
import type { ResourceBudget } from '../policy/admission.ts'
import { inTheNameOf, type Owner } from '../platform/attribution.ts'
import { randomFraction, type Timer } from '../platform/platform.ts'
import type { AbortCode, AnyHandler } from '../task/handler.ts'
import { attempt, type Attempted, type AttemptServices } from './attempt.ts'
import { attemptBatch, Batch, runsOf, type BatchItem, type Unit } from './batch.ts'
import { Standby, STANDBY_MAX_MS } from './standby.ts'
import { failedAstray, strayError } from './stray.ts'
import { surroundedElsewhere } from './surroundings.ts'
import { TimeLimits } from './time-limits.ts'
import { Gatherer, isBatchHandler } from './gatherer.ts'
import { BLOCKED_MS } from './block-watch.ts'
import { admissionOf, type Admission } from './admission.ts'
import { Announcer } from './announcer.ts'
import type { WorkerEmitter } from './events.ts'
import type { Tally } from './metrics.ts'
import { Roster } from './roster.ts'
import type { Connection } from '../client/connection.ts'
import type { Enqueuer } from '../client/enqueuer.ts'
import { Isolates } from './isolates/isolates.ts'
import type { ResolvedIsolates } from './isolates/options.ts'
import type { Run } from './run.ts'
import type { Slots } from './slots.ts'
import type { Tolerance } from './tolerance.ts'

/** Weight of the newest run in the average of run times. */
const AVERAGE_WEIGHT = 0.05

export interface ExecutorParts extends Omit<
  AttemptServices,
  'settledApart' | 'started' | 'connection' | 'enqueuer'
> {
  readonly connection: Connection
  readonly enqueuer: Enqueuer
  readonly handlers: ReadonlyMap<string, AnyHandler>
  readonly slots: Pick<Slots, 'concurrency' | 'queues'>
  readonly emitter: WorkerEmitter
  readonly isolates: ResolvedIsolates | undefined
  readonly budget: ResourceBudget | undefined
  readonly tally: Tally
  /** How an attempt has ended, if that was here: told once of each, whether or not its handler gives way. */
  attempted(run: Run, outcome: Outcome, error?: unknown): void
  /**
   * A handler has come back.
   *
   * @param handlerMs how long it took; in a batch, the share of the run
   */
  ran(run: Run, handlerMs: number): void
  /** Where handlers have a say in how long the main thread may be blocked. */
  readonly tolerance: Tolerance | undefined
  /** What ran for a second or longer has ended. */
  ranLong(unit: Unit): void
  /** A slot became free. */
  freed(): void
  /** The store has answered how a run ended: it is not held any more. */
  released(run: Run): void
}

export class Executor {
  readonly #parts: ExecutorParts
  readonly #services: AttemptServices
  readonly #standby: Standby
  /** Handlers that were called and have not come back, whatever became of their tasks. */
  readonly #busy = new Roster<Unit, Unit>()
  /** Where batches come together, if there are handlers that take them. */
  readonly gatherer: Gatherer | undefined
  readonly #isolates: Isolates
  readonly #announcer: Announcer
  readonly #limits: TimeLimits
  readonly #admission: Admission | undefined
  readonly #onStray = (run: Run, thrown: unknown): void => {
    const error = strayError(thrown)
    const { task } = this.#parts.handlers.get(run.claim.type)!
    this.#strays(run, error, () => this.#over(run, failedAstray(run, task, error)))
  }
  #resting: (() => void) | undefined
  #closed = false
  #averageMs = 1_000

  constructor(parts: ExecutorParts) {
    this.#parts = parts
    this.#announcer = new Announcer(parts)
    this.#limits = new TimeLimits({
      connection: parts.connection,
      isBusy: (unit) => this.#busy.has(unit),
      overdue: (run, outcome) => this.#end(run, outcome, run.aborted),
    })
    this.#services = {
      ...parts,
      started: (run) => this.#announcer.started(run),
      settledApart: (run) => this.#settledApart(run),
    }
    this.#standby = new Standby({ ...parts, tooLong: () => this.#giveUpStandby() })
    this.#isolates = new Isolates(parts.isolates, {
      ...parts,
      child: (spec, under) => parts.enqueuer.child(spec, under),
      around: (run, handler, attempt) =>
        surroundedElsewhere(run, handler, { services: this.#services, attempt }),
      failed: (error) => parts.emitter.emit('error', { error, doing: 'starting an isolate' }),
    })
    this.#admission = admissionOf(parts)
    const handlers = [...parts.handlers.values()].filter(isBatchHandler)
    if (handlers.length === 0) return
    this.gatherer = new Gatherer({
      connection: parts.connection,
      handlers,
      gathered: (batch) => this.#enqueue([batch]),
      refused: (run, { outcome, error }) => {
        this.#end(run, outcome, error)
        this.#parts.freed()
      },
    })
  }

  /** Slots that are taken, or will be by what is queued, or are not to be used. */
  get load(): number {
    return this.#busy.size + this.#standby.size + (this.gatherer?.slots ?? 0) + this.#withheld
  }

  /** Average time of a run, in milliseconds: how much work is worth having at hand. While slots are withheld none is. */
  get averageMs(): number {
    return this.#withheld > 0 ? Infinity : this.#averageMs
  }

  get #withheld(): number {
    return this.#admission === undefined ? 0 : this.#admission.withheld
  }

  /** Slots whose handlers have been called and have not come back. */
  get running(): number {
    return this.#busy.size
  }

  loadOf(queue: string): number {
    const load = this.#standby.loadOf(queue)
    return load === undefined ? 0 : load + (this.gatherer?.slotsOf(queue) ?? 0)
  }

  /** Whether a batch of the handler waits for a slot. */
  isQueued(handler: AnyHandler): boolean {
    return this.#standby.hasBatchOf(handler)
  }

  add(runs: readonly Run[]): void {
    if (this.#closed) return this.giveBack(runs)
    this.#admission?.start()
    this.#enqueue(this.gatherer === undefined ? runs : this.#gather(this.gatherer, runs))
  }

  /** What may crash its worker shares a call with nobody. */
  #gather(gatherer: Gatherer, runs: readonly Run[]): readonly Unit[] {
    const alone = runs.filter((run) => this.#isolates.isolates(run))
    return [...gatherer.take(runs.filter((run) => !alone.includes(run))), ...alone]
  }

  #enqueue(units: readonly Unit[]): void {
    this.#standby.add(units)
    this.#startNext()
    this.#standby.watch()
  }

  /** Returns to the store what came too late to be started. */
  giveBack(runs: readonly Run[]): void {
    for (const run of runs) this.#end(run, { kind: 'unfinished' })
  }

  /** Starts nothing more: what waits goes back, and so does what still comes. */
  close(): void {
    this.#closed = true
    this.#admission?.stop()
    this.#standby.close()
    this.giveBack(this.gatherer?.close() ?? [])
    this.#returnQueued()
  }

  /** Handlers that were called on this thread and have not come back. */
  busyHere(): readonly Unit[] {
    return this.#busy.values().filter(isHere)
  }

  /** Resolves when no handler is busy. */
  async rest(): Promise<void> {
    if (this.#busy.size > 0) await new Promise<void>((resolve) => (this.#resting = resolve))
  }

  abortBusy(reason: AbortCode, message: string): void {
    for (const unit of this.#busy.values()) for (const run of runsOf(unit)) run.abort(reason, message)
  }

  /** Returns what did not give way; its handlers go on, but nothing that they write counts. */
  returnBusy(): void {
    for (const unit of this.#busy.values()) this.giveBack(runsOf(unit))
  }

  /** Ends all isolates, whatever they are doing; resolves when they are gone. */
  end(): Promise<void> {
    return this.#isolates.close()
  }

  #returnQueued(): void {
    for (const unit of this.#standby.takeAll()) this.giveBack(runsOf(unit))
  }

  #giveUpStandby(): void {
    this.#averageMs = Math.max(this.#averageMs, STANDBY_MAX_MS)
    this.#returnQueued()
  }

  /** Decides how a run ends, if nobody has yet. */
  #end(run: Run, outcome: Outcome, error?: unknown): void {
    if (run.ended || run.lost) return
    this.#parts.attempted(run, outcome, error)
    // nothing of a success is left to chance, and to draw it takes longer than to decide
    const chance = outcome.kind === 'returned' ? 0 : randomFraction(this.#parts.connection.platform)
    const transition = decide(run.claim, outcome, chance)
    run.end(transition, (verdict) => {
      this.#parts.released(run)
      this.#announcer.ended(run, { transition, verdict, error })
    })
    this.#parts.settleSoon(run, 'now')
  }

  /** A transaction of the user's has ended it; the handler itself may go on. */
  #settledApart(run: Run): void {
    run.tookMs = this.#parts.connection.platform.monotonicMs() - run.startedMs!
    this.#parts.released(run)
    this.#parts.attempted(run, { kind: 'returned', result: null })
    const transition = { to: 'succeeded', result: null } as const
    this.#announcer.ended(run, { transition, verdict: 'applied', error: undefined })
  }

  #startNext(): void {
    while (this.#busy.size < this.#parts.slots.concurrency) {
      const unit = this.#standby.take()
      if (unit === undefined) return
      if (unit instanceof Batch) this.#startBatch(unit)
      // lost or cancelled before its turn came
      else if (unit.aborted === undefined) this.#start(unit)
      else this.#end(unit, { kind: 'cancelled', error: null })
    }
  }

  #start(run: Run): void {
    this.#busy.set(run, run)
    this.#standby.begin(run)
    const handler = this.#parts.handlers.get(run.claim.type)
    if (handler !== undefined && this.#isolates.takes(run, handler)) return this.#startIsolated(run, handler)
    this.#parts.tolerance?.begin(run)
    run.startedMs = this.#parts.connection.platform.monotonicMs()
    const timer = this.#limits.arm(run, run)
    void this.#attempt(run, handler).then((attempted) => {
      timer?.cancel()
      this.#over(run, attempted)
    })
  }

  /** Its time runs from when there is an isolate for it. */
  #startIsolated(run: Run, handler: AnyHandler): void {
    run.isolated = true
    run.onStray = this.#onStray
    let timer: Timer | undefined
    const begin = (): void => {
      run.startedMs = this.#parts.connection.platform.monotonicMs()
      timer = this.#limits.arm(run, run)
      this.#announcer.started(run)
    }
    void this.#isolates.attempt(run, handler, begin).then((attempted) => {
      timer?.cancel()
      this.#over(run, attempted)
    })
  }

  /** All its tasks in one slot, but each with a time limit and an end of its own. */
  #startBatch(batch: Batch): void {
    const items = batch.items.filter(({ run }) => {
      if (run.aborted !== undefined) this.#end(run, { kind: 'cancelled', error: null })
      return run.aborted === undefined
    })
    if (items.length === 0) return this.#parts.freed()
    this.#busy.set(batch, batch)
    this.#parts.tolerance?.begin(batch)
    this.#standby.begin(batch)
    const startedMs = this.#parts.connection.platform.monotonicMs()
    const timers = items.map(({ run }) => {
      run.startedMs = startedMs
      return this.#limits.arm(run, batch)
    })
    const over = (attempted: readonly Attempted[]): void => {
      for (const timer of timers) timer?.cancel()
      this.#batchOver(batch, {
        items,
        attempted,
        tookMs: this.#parts.connection.platform.monotonicMs() - startedMs,
      })
    }
    const owner: Owner = {
      stray: (thrown) => {
        const error = strayError(thrown)
        const failed = items.map(({ run }) => failedAstray(run, batch.handler.task, error))
        this.#strays(batch, error, () => over(failed))
      },
    }
    void inTheNameOf(owner, attemptBatch, items, batch.handler, this.#services).then(over)
  }

  #batchOver(
    batch: Batch,
    {
      items,
      attempted,
      tookMs,
    }: {
      readonly items: readonly BatchItem[]
      readonly attempted: readonly Attempted[]
      readonly tookMs: number
    },
  ): void {
    if (!this.#busy.has(batch)) return
    this.#free(batch, tookMs)
    for (const [index, { run }] of items.entries()) {
      const { outcome, error } = attempted[index]!
      this.#parts.ran(run, tookMs / items.length)
      run.tookMs = tookMs
      this.#end(run, outcome, error)
    }
    this.#goOn()
  }

  #attempt(run: Run, handler: AnyHandler | undefined): Promise<Attempted> {
    if (handler === undefined) return Promise.resolve({ outcome: { kind: 'unfinished' } })
    run.onStray = this.#onStray
    return inTheNameOf(run, attempt, run, handler, this.#services)
  }

  /** An error that nobody caught fails the attempts at once: the handler may never come back, and counts for nothing if it does. */
  #strays(unit: Unit, error: unknown, end: () => void): void {
    const runs = runsOf(unit)
    if (!this.#busy.has(unit)) {
      const [run] = runs
      const doing = `what the handler of ${run?.claim.type} left behind (task ${run?.claim.id})`
      return this.#parts.emitter.emit('error', { error, doing })
    }
    end()
    for (const run of runs) run.abort('lost', 'The attempt has failed: nobody caught an error of it.')
  }

  #over(run: Run, attempted: Attempted): void {
    if (!this.#busy.has(run)) return
    const { outcome, error } = attempted
    const nowMs = this.#parts.connection.platform.monotonicMs()
    run.tookMs = nowMs - (run.startedMs ?? nowMs)
    this.#parts.ran(run, run.tookMs)
    this.#free(run, run.tookMs)
    this.#end(run, outcome, error)
    this.#goOn()
  }

  #free(unit: Unit, tookMs: number): void {
    this.#averageMs += (tookMs - this.#averageMs) * AVERAGE_WEIGHT
    this.#busy.delete(unit)
    if (isHere(unit)) {
      this.#parts.tolerance?.end(unit)
      if (tookMs >= BLOCKED_MS) this.#parts.ranLong(unit)
    }
    this.#standby.end(unit)
  }

  #goOn(): void {
    this.#startNext()
    this.#parts.freed()
    if (this.#busy.size === 0) this.#resting?.()
  }
}

/** Whether it could block the main thread. */
function isHere(unit: Unit): boolean {
  return unit instanceof Batch || !unit.isolated
}
