/**
 * Runs handlers: up to so many at a time, in the order in which their tasks were claimed. What becomes of a task
 * is decided by policy and written by the exchanger.
 */
import { decide, type Outcome } from '../policy/outcome.ts'
import { randomFraction, type Timer } from '../platform/platform.ts'
import type { AbortCode, AnyHandler } from '../task/handler.ts'
import type { Transition, Verdict } from '../store/settlement.ts'
import { attempt, overtimeOutcome, type Attempted, type AttemptServices } from './attempt.ts'
import { attemptBatch, Batch, runsOf, type Unit } from './batch.ts'
import { Gatherer, isBatchHandler } from './gatherer.ts'
import { taskInfo, type WorkerEmitter } from './events.ts'
import { Roster } from './roster.ts'
import type { ContextServices } from './context.ts'
import type { Run } from './run.ts'

/** How long after its signal a handler may take to give way before its outcome is decided without it. */
const GIVE_WAY_MS = 1_000

/** What was claimed ahead and is not started by then goes back: another worker may have time for it. */
const QUEUED_MAX_MS = 250

/** Weight of the newest run in the average of run times. */
const AVERAGE_WEIGHT = 0.05

export interface ExecutorParts extends Omit<ContextServices, 'settledApart'> {
  readonly handlers: ReadonlyMap<string, AnyHandler>
  readonly concurrency: number
  /** Slots per queue. */
  readonly queues: ReadonlyMap<string, number>
  readonly emitter: WorkerEmitter
  /**
   * An attempt has ended.
   *
   * @param handlerMs its time in the handler; in a batch, its share
   */
  attempted(run: Run, attempted: Attempted, handlerMs: number): void
  /** A slot became free. */
  freed(): void
  /** The store has answered how a run ended: it is not held any more. */
  released(run: Run): void
}

/** A queue's runs. */
interface Lane {
  readonly slots: number
  queued: number
  busy: number
}

export class Executor {
  readonly #parts: ExecutorParts
  readonly #services: AttemptServices
  readonly #queued: Unit[] = []
  /** Handlers that were called and have not come back, whatever became of their tasks. */
  readonly #busy = new Roster<Unit, Unit>()
  /** Where batches come together, if there are handlers that take them. */
  readonly gatherer: Gatherer | undefined
  readonly #lanes: ReadonlyMap<string, Lane>
  #resting: (() => void) | undefined
  #queueTimer: Timer | undefined
  #closed = false
  /** Average time of a run, in milliseconds: how much work is worth having at hand. */
  averageMs = 1_000

  constructor(parts: ExecutorParts) {
    this.#parts = parts
    this.#services = {
      ...parts,
      started: (run) => this.#announceStart(run),
      settledApart: (run) => this.#settledApart(run),
    }
    this.#lanes = new Map(
      Array.from(parts.queues, ([queue, slots]) => [queue, { slots, queued: 0, busy: 0 }]),
    )
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

  /** Slots that are taken, or will be by what is queued. */
  get load(): number {
    return this.#busy.size + this.#queued.length + (this.gatherer?.slots ?? 0)
  }

  loadOf(queue: string): number {
    const lane = this.#lanes.get(queue)
    return lane === undefined ? 0 : lane.queued + lane.busy + (this.gatherer?.slotsOf(queue) ?? 0)
  }

  /** Whether a batch of the handler waits for a slot. */
  isQueued(handler: AnyHandler): boolean {
    return this.#queued.some((unit) => unit instanceof Batch && unit.handler === handler)
  }

  add(runs: readonly Run[]): void {
    if (this.#closed) return this.giveBack(runs)
    this.#enqueue(this.gatherer === undefined ? runs : this.gatherer.take(runs))
  }

  #enqueue(units: readonly Unit[]): void {
    for (const unit of units) this.#laneOf(unit).queued += 1
    this.#queued.push(...units)
    this.#startNext()
    if (this.#queued.length > 0) this.#watchQueue()
  }

  /** Returns to the store what came too late to be started. */
  giveBack(runs: readonly Run[]): void {
    for (const run of runs) this.#end(run, { kind: 'unfinished' })
  }

  /** Starts nothing more: what waits goes back, and so does what still comes. */
  close(): void {
    this.#closed = true
    this.#queueTimer?.cancel()
    this.giveBack(this.gatherer?.close() ?? [])
    this.#returnQueued()
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

  #returnQueued(): void {
    const units = this.#queued.splice(0)
    for (const unit of units) this.#laneOf(unit).queued -= 1
    for (const unit of units) this.giveBack(runsOf(unit))
  }

  /** Claiming ahead was a guess that tasks stay short. Where it was wrong, what waits is given back. */
  #watchQueue(): void {
    if (this.#queueTimer !== undefined) return
    const head = this.#queued[0]
    this.#queueTimer = this.#parts.connection.platform.setTimer(
      QUEUED_MAX_MS,
      () => {
        this.#queueTimer = undefined
        if (this.#queued.length === 0) return
        if (this.#queued[0] !== head) return this.#watchQueue()
        this.averageMs = Math.max(this.averageMs, QUEUED_MAX_MS)
        this.#returnQueued()
      },
      'idle',
    )
  }

  /** Decides how a run ends, if nobody has yet. */
  #end(run: Run, outcome: Outcome, error?: unknown): void {
    if (run.ended || run.lost) return
    // nothing of a success is left to chance, and to draw it takes longer than to decide
    const chance = outcome.kind === 'returned' ? 0 : randomFraction(this.#parts.connection.platform)
    const transition = decide(run.claim, outcome, chance)
    run.end(transition, (verdict) => {
      this.#parts.released(run)
      this.#announce(run, { transition, verdict, error })
    })
    this.#parts.settleSoon(run, 'now')
  }

  /** A transaction of the user's has ended it; the handler itself may go on. */
  #settledApart(run: Run): void {
    run.tookMs = this.#parts.connection.platform.monotonicMs() - run.startedMs!
    this.#parts.released(run)
    const transition = { to: 'succeeded', result: null } as const
    this.#announce(run, { transition, verdict: 'applied', error: undefined })
  }

  #laneOf(unit: Unit): Lane {
    return this.#lanes.get(unit instanceof Batch ? unit.queue : unit.claim.queue)!
  }

  #startNext(): void {
    while (this.#busy.size < this.#parts.concurrency) {
      const unit = this.#takeQueued()
      if (unit === undefined) return
      if (unit instanceof Batch) this.#startBatch(unit)
      // lost or cancelled before its turn came
      else if (unit.aborted === undefined) this.#start(unit)
      else this.#end(unit, { kind: 'cancelled', error: null })
    }
  }

  /** The first whose queue has a slot to spare. */
  #takeQueued(): Unit | undefined {
    const index = this.#queued.findIndex((unit) => this.#hasSlot(unit))
    if (index < 0) return undefined
    const unit = index === 0 ? this.#queued.shift()! : this.#queued.splice(index, 1)[0]!
    this.#laneOf(unit).queued -= 1
    return unit
  }

  #hasSlot(unit: Unit): boolean {
    const { busy, slots } = this.#laneOf(unit)
    return busy < slots
  }

  #start(run: Run): void {
    this.#busy.set(run, run)
    this.#laneOf(run).busy += 1
    run.startedMs = this.#parts.connection.platform.monotonicMs()
    const timer = this.#armTimeout(run, run)
    void this.#attempt(run).then((attempted) => {
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
    this.#laneOf(batch).busy += 1
    const startedMs = this.#parts.connection.platform.monotonicMs()
    const timers = items.map(({ run }) => {
      run.startedMs = startedMs
      return this.#armTimeout(run, batch)
    })
    void attemptBatch(items, batch.handler, this.#services).then((attempted) => {
      for (const timer of timers) timer?.cancel()
      const tookMs = this.#parts.connection.platform.monotonicMs() - startedMs
      this.#free(batch, tookMs)
      for (const [index, { run }] of items.entries()) {
        const { outcome, error } = attempted[index]!
        this.#parts.attempted(run, attempted[index]!, tookMs / items.length)
        run.tookMs = tookMs
        this.#end(run, outcome, error)
      }
      this.#goOn()
    })
  }

  #attempt(run: Run): Promise<Attempted> {
    const handler = this.#parts.handlers.get(run.claim.type)
    if (handler === undefined) return Promise.resolve({ outcome: { kind: 'unfinished' } })
    return attempt(run, handler, this.#services)
  }

  #over(run: Run, attempted: Attempted): void {
    const { outcome, error } = attempted
    run.tookMs = this.#parts.connection.platform.monotonicMs() - run.startedMs!
    this.#parts.attempted(run, attempted, run.tookMs)
    this.#free(run, run.tookMs)
    this.#end(run, outcome, error)
    this.#goOn()
  }

  #free(unit: Unit, tookMs: number): void {
    this.averageMs += (tookMs - this.averageMs) * AVERAGE_WEIGHT
    this.#busy.delete(unit)
    this.#laneOf(unit).busy -= 1
  }

  #goOn(): void {
    this.#startNext()
    this.#parts.freed()
    if (this.#busy.size === 0) this.#resting?.()
  }

  /** Whichever is over first: the time of this attempt, or that of all. */
  #armTimeout(run: Run, unit: Unit): Timer | undefined {
    const { timeoutMs } = run.claim
    const leftMs = run.deadlineMs === null ? Infinity : Math.max(run.deadlineMs - run.startedMs!, 0)
    const limitMs = Math.min(timeoutMs ?? Infinity, leftMs)
    if (limitMs === Infinity) return undefined
    const timeOut = (): void => {
      run.outlived = leftMs === limitMs && run.aborted === undefined
      const message = run.outlived
        ? 'All attempts together took too long.'
        : `The attempt took longer than ${limitMs} ms.`
      this.#timeOut(run, unit, message)
    }
    return this.#parts.connection.platform.setTimer(limitMs, timeOut, 'idle')
  }

  #timeOut(run: Run, unit: Unit, message: string): void {
    run.abort('timeout', message)
    const { platform, logger } = this.#parts.connection
    const decideAlone = (): void => {
      if (!this.#busy.has(unit)) return
      logger.warn(
        { task: run.claim.id, type: run.claim.type },
        'the handler ignores its signal: its slot stays taken',
      )
      this.#end(run, overtimeOutcome(run, message), run.aborted)
    }
    platform.setTimer(GIVE_WAY_MS, decideAlone, 'idle')
  }

  #announceStart(run: Run): void {
    const { emitter } = this.#parts
    if (emitter.heard('started')) emitter.emit('started', about(run))
  }

  #announce(
    run: Run,
    end: { readonly transition: Transition; readonly verdict: Verdict; readonly error: unknown },
  ): void {
    const { emitter, connection } = this.#parts
    const { transition, verdict, error } = end
    if (verdict === 'stale') {
      if (run.startedMs !== undefined) emitter.emit('lost', about(run))
    } else if (verdict === 'cancelled' || transition.to === 'cancelled') {
      if (emitter.heard('cancelled')) emitter.emit('cancelled', about(run))
    } else if (transition.to === 'succeeded') {
      if (emitter.heard('succeeded')) emitter.emit('succeeded', { ...about(run), durationMs: run.tookMs })
    } else if (
      transition.to === 'failed' ||
      (transition.to === 'pending' && transition.count === 'failure')
    ) {
      const delayMs = transition.to === 'pending' ? (transition.delayMs ?? 0) : null
      const willRetryAt = delayMs === null ? null : new Date(connection.platform.wallMs() + delayMs)
      if (emitter.heard('failed')) emitter.emit('failed', { ...about(run), error, willRetryAt })
    }
  }
}

function about(run: Run): { readonly task: ReturnType<typeof taskInfo>; readonly attempt: number } {
  return { task: taskInfo(run.claim), attempt: run.claim.counters.failures + 1 }
}
