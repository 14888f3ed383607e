/**
 * Runs handlers: up to so many at a time, in the order in which their tasks were claimed. It says how each
 * run ended; what becomes of the task is decided by policy and written by the settler.
 */
import { codeOf } from '../task/errors.ts'
import { decide, type Outcome } from '../policy/outcome.ts'
import { decode, encode } from '../task/codec.ts'
import { durationMs } from '../task/duration.ts'
import { LIMITS } from '../task/limits.ts'
import { randomFraction, type Timer } from '../platform/platform.ts'
import { validate } from '../task/schema.ts'
import type { AnyTask } from '../task/definition.ts'
import type { AbortCode, Handler } from '../task/handler.ts'
import type { Transition, Verdict } from '../store/settlement.ts'
import { RunContext, type ContextServices } from './context.ts'
import { taskInfo, type WorkerEmitter } from './events.ts'
import { plainError, taskError } from './task-error.ts'
import type { Run } from './run.ts'

/** How long after its signal a handler may take to give way before its outcome is decided without it. */
const GIVE_WAY_MS = 1_000

/** What was claimed ahead and is not started by then goes back: another worker may have time for it. */
const QUEUED_MAX_MS = 250

/** Weight of the newest run in the average of run times. */
const AVERAGE_WEIGHT = 0.05

export interface ExecutorParts extends ContextServices {
  readonly handlers: ReadonlyMap<string, Handler>
  readonly concurrency: number
  readonly emitter: WorkerEmitter
  /** A slot became free. */
  freed(): void
  /** The store has answered how a run ended: it is not held any more. */
  released(run: Run): void
}

export class Executor {
  readonly #parts: ExecutorParts
  readonly #queued: Run[] = []
  /** Handlers that were called and have not come back, whatever became of their tasks. */
  readonly #busy = new Set<Run>()
  readonly #loads = new Map<string, number>()
  #resting: (() => void) | undefined
  #queueTimer: Timer | undefined
  /** Average time of a run, in milliseconds: how much work is worth having at hand. */
  averageMs = 1_000

  constructor(parts: ExecutorParts) {
    this.#parts = parts
  }

  /** Runs that are queued or busy. */
  get load(): number {
    return this.#busy.size + this.#queued.length
  }

  loadOf(queue: string): number {
    return this.#loads.get(queue) ?? 0
  }

  add(runs: readonly Run[]): void {
    for (const run of runs) this.#count(run, 1)
    this.#queued.push(...runs)
    this.#startNext()
    if (this.#queued.length > 0) this.#watchQueue()
  }

  /** Resolves when no handler is busy. */
  async rest(): Promise<void> {
    if (this.#busy.size > 0) await new Promise<void>((resolve) => (this.#resting = resolve))
  }

  /** Returns what was not started to the store. */
  returnQueued(): void {
    for (const run of this.#queued.splice(0)) {
      this.#count(run, -1)
      this.#end(run, { kind: 'unfinished' })
    }
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
        this.returnQueued()
      },
      'idle',
    )
  }

  abortBusy(reason: AbortCode, message: string): void {
    for (const run of this.#busy) run.abort(reason, message)
  }

  /** Returns what did not give way; its handlers go on, but nothing that they write counts. */
  returnBusy(): void {
    for (const run of this.#busy) this.#end(run, { kind: 'unfinished' })
  }

  /** Decides how a run ends, if nobody has yet. */
  #end(run: Run, outcome: Outcome, error?: unknown): void {
    if (run.ended || run.lost) return
    const transition = decide(run.claim, outcome, randomFraction(this.#parts.connection.platform))
    run.end(transition, (verdict) => {
      this.#parts.released(run)
      this.#announce(run, { transition, verdict, error })
    })
    this.#parts.settleSoon(run, 'now')
  }

  #count(run: Run, change: 1 | -1): void {
    this.#loads.set(run.claim.queue, this.loadOf(run.claim.queue) + change)
  }

  #startNext(): void {
    while (this.#busy.size < this.#parts.concurrency) {
      const run = this.#queued.shift()
      if (run === undefined) return
      if (run.lost) this.#count(run, -1)
      else this.#start(run)
    }
  }

  #start(run: Run): void {
    this.#busy.add(run)
    const { platform } = this.#parts.connection
    run.startedMs = platform.monotonicMs()
    const timer = this.#armTimeout(run)
    if (this.#parts.emitter.heard('started')) {
      this.#parts.emitter.emit('started', { task: taskInfo(run.claim), attempt: run.claim.counters.failures + 1 })
    }
    void this.#execute(run).then((outcome) => {
      timer?.cancel()
      this.#busy.delete(run)
      this.averageMs += (platform.monotonicMs() - run.startedMs! - this.averageMs) * AVERAGE_WEIGHT
      this.#count(run, -1)
      this.#end(run, outcome.outcome, outcome.error)
      this.#startNext()
      this.#parts.freed()
      if (this.#busy.size === 0) this.#resting?.()
    })
  }

  /** Never rejects: whatever the handler does is an outcome. */
  async #execute(run: Run): Promise<{ readonly outcome: Outcome; readonly error?: unknown }> {
    const { claim } = run
    const handler = this.#parts.handlers.get(claim.type)
    if (handler === undefined) return { outcome: { kind: 'unfinished' } }
    const { task } = handler
    let input: unknown
    try {
      input = validate(task.input, decode(claim.payload), `The input of ${task.name}`)
      if (input instanceof Promise) input = await input
    } catch (error) {
      return { outcome: { kind: 'invalid', error: taskError(error) }, error }
    }
    try {
      const returned = handler.run(input as never, new RunContext(run, this.#parts))
      const value: unknown = isThenable(returned) ? await returned : returned
      return { outcome: await encodeResult(task, value) }
    } catch (error) {
      return { outcome: thrownOutcome(run, task, error), error }
    }
  }

  #armTimeout(run: Run): Timer | undefined {
    const { timeoutMs } = run.claim
    if (timeoutMs === null) return undefined
    const { platform } = this.#parts.connection
    return platform.setTimer(timeoutMs, () => this.#timeOut(run, timeoutMs), 'idle')
  }

  #timeOut(run: Run, timeoutMs: number): void {
    const message = `The attempt took longer than ${timeoutMs} ms.`
    run.abort('timeout', message)
    const { platform, logger } = this.#parts.connection
    platform.setTimer(
      GIVE_WAY_MS,
      () => {
        if (!this.#busy.has(run)) return
        logger.warn({ task: run.claim.id, type: run.claim.type }, 'the handler ignores its signal: its slot stays taken')
        this.#end(run, { kind: 'failed', reason: 'timeout', error: plainError('TimeoutError', message) }, run.aborted)
      },
      'idle',
    )
  }

  #announce(run: Run, end: { readonly transition: Transition; readonly verdict: Verdict; readonly error: unknown }): void {
    const { emitter, connection } = this.#parts
    const { transition, verdict, error } = end
    const about = (): { readonly task: ReturnType<typeof taskInfo>; readonly attempt: number } => ({
      task: taskInfo(run.claim),
      attempt: run.claim.counters.failures + 1,
    })
    if (verdict === 'stale') return
    if (verdict === 'cancelled' || transition.to === 'cancelled') {
      if (emitter.heard('cancelled')) emitter.emit('cancelled', about())
    } else if (transition.to === 'succeeded') {
      if (!emitter.heard('succeeded')) return
      const durationMs = connection.platform.monotonicMs() - (run.startedMs ?? 0)
      emitter.emit('succeeded', { ...about(), durationMs })
    } else if (transition.to === 'failed' || (transition.to === 'pending' && transition.count === 'failure')) {
      if (!emitter.heard('failed')) return
      const delayMs = transition.to === 'pending' ? (transition.delayMs ?? 0) : null
      const willRetryAt = delayMs === null ? null : new Date(connection.platform.wallMs() + delayMs)
      emitter.emit('failed', { ...about(), error, willRetryAt })
    }
  }
}

/** Query builders answer things that are no Promise and can be awaited all the same. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** A result that is no JSON, too large, or not what its schema says will not get better by running again. */
async function encodeResult(task: AnyTask, value: unknown): Promise<Outcome> {
  const what = `The result of ${task.name}`
  try {
    await validate(task.output, value, what)
    const result = value === undefined ? null : encode(value, what, LIMITS.resultBytes)
    return { kind: 'returned', result }
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    return { kind: 'invalid', error: taskError(error) }
  }
}

function thrownOutcome(run: Run, task: AnyTask, error: unknown): Outcome {
  if (run.aborted?.reason === 'cancel') return { kind: 'cancelled', error: null }
  if (run.aborted?.reason === 'shutdown') return { kind: 'unfinished' }
  const reason = run.aborted?.reason === 'timeout' ? 'timeout' : 'error'
  const failed = { kind: 'failed', reason, error: taskError(error) } as const
  switch (codeOf(error)) {
    case 'non-retryable':
      return { ...failed, delayMs: false }
    case 'retry-after':
      return { ...failed, delayMs: delayOf(error) }
    case 'snooze':
      return { kind: 'snoozed', delayMs: delayOf(error) }
    default:
      return customOutcome(run, task, { failed, error })
  }
}

/** What the user's own retry function says. If it fails itself, that is what the task's error shows, and the policy decides. */
function customOutcome(
  run: Run,
  task: AnyTask,
  { failed, error }: { readonly failed: Extract<Outcome, { readonly kind: 'failed' }>; readonly error: unknown },
): Outcome {
  if (run.claim.policy.retry.kind !== 'custom' || task.retryDelay === undefined) return failed
  try {
    const delay = task.retryDelay({ attempt: run.claim.counters.failures + 1, error })
    return { ...failed, delayMs: delay === false ? false : durationMs(delay, 'The answer of the retry function') }
  } catch (thrown) {
    return { ...failed, error: taskError(thrown) }
  }
}

/** By code, not by class: the error may come from another copy of the library. */
function delayOf(error: unknown): number {
  const { delayMs } = error as { readonly delayMs?: unknown }
  return typeof delayMs === 'number' && delayMs >= 0 ? Math.round(delayMs) : 0
}
