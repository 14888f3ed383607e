/** Handlers that run many tasks of one definition in one call, as where a service takes a hundred at the price of one. */
import { durationMs, type Duration } from './duration.ts'
import { InvalidArgumentError } from './errors.ts'
import { Handler, type Context } from './handler.ts'
import { LIMITS } from './limits.ts'
import { checkMembers, type Members } from './members.ts'
import { shown } from './shown.ts'
import type { AnyTask, TaskTypes } from './definition.ts'

/** What goes into one call. */
export interface BatchOptions<Received> {
  /** How many tasks at most: 1 to 1 000. A call takes one slot of the worker, however many they are. */
  readonly size: number
  /** How long the first of them waits for others at most, claimed and under its lease: up to a minute. Default 50 ms. */
  readonly linger?: Duration | undefined
  /** Only tasks of which this says the same share a call. Default: all do. */
  readonly by?: ((input: Received) => string | number) | undefined
}

/** What a batch's handler can do besides answering. */
export interface BatchContext {
  /** The tasks, in the order of the inputs: each with its own signal, progress, log, checkpoint, `enqueue`. */
  readonly items: readonly Context[]
  /** Aborted once nobody needs an answer any more: every task's own signal is, with the reason of the last. */
  readonly signal: AbortSignal
  /** @throws FencedError if the leases of all of them are lost */
  throwIfLost(): void
}

/** Answers a result for each task, in their order, or `fail(…)`. What it throws fails the attempt of every task. */
export type BatchFunction<T extends TaskTypes> = (
  inputs: readonly T['received'][],
  ctx: BatchContext,
) => readonly (T['returned'] | Failure)[] | PromiseLike<readonly (T['returned'] | Failure)[]>

/** The answer of a batch's handler for a task that failed. Made by `fail`. */
export class Failure {
  /** Tells it by structure, whichever copy of the library made it. */
  readonly '~failure' = true
  readonly reason: unknown

  constructor(reason: unknown) {
    this.reason = reason
  }
}

/**
 * Fails the attempt of one task of a batch, as if a handler of its own had thrown the reason: it is tried again as its
 * policy says; with a NonRetryableError it is not, with a RetryAfterError or SnoozeError when that says.
 *
 * @param reason an error, or a text
 */
export function fail(reason: unknown): Failure {
  return new Failure(reason)
}

export function isFailure(answer: unknown): answer is Failure {
  return typeof answer === 'object' && answer !== null && '~failure' in answer
}

/** Options of a batch, checked and resolved. */
export interface BatchSettings {
  readonly size: number
  readonly lingerMs: number
  readonly by: ((input: never) => unknown) | undefined
}

/** A definition and the code that runs many of its tasks at once. */
export class BatchHandler<D extends AnyTask = AnyTask> extends Handler<D> {
  readonly batch: BatchSettings

  /** @throws InvalidArgumentError */
  constructor(task: D, run: (inputs: never, ctx: never) => unknown, options: BatchOptions<never>) {
    super(task, run, {})
    checkMembers(options, BATCH_MEMBERS, `the batch of ${task.name}`)
    const { size, linger, by } = options
    if (!Number.isInteger(size) || size < 1 || size > LIMITS.batchTasks) {
      throw new InvalidArgumentError(`size is ${shown(size)}.`, {
        hint: `It is how many tasks go into one call: a whole number from 1 to ${LIMITS.batchTasks}.`,
      })
    }
    if (by !== undefined && typeof by !== 'function') {
      throw new InvalidArgumentError(`by is ${shown(by)}, which is no function.`, {
        hint: 'It makes a text or a number of an input: by: (input) => input.model.',
      })
    }
    this.batch = { size, lingerMs: checkedLinger(linger ?? LINGER_DEFAULT), by }
  }
}

const LINGER_DEFAULT = '50ms'
const LINGER_MAX_MS = 60_000

const BATCH_MEMBERS: Members<BatchOptions<never>> = { size: true, linger: true, by: true }

function checkedLinger(linger: Duration): number {
  const lingerMs = durationMs(linger, 'linger')
  if (lingerMs <= LINGER_MAX_MS) return lingerMs
  throw new InvalidArgumentError(`linger is ${lingerMs} ms.`, {
    hint: 'It is a minute at most: what waits is held back from other workers.',
  })
}
