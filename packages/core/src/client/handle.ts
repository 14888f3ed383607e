import {
  codeOf,
  NotFoundError,
  TaskCancelledError,
  TaskFailedError,
  type WaitTimeoutError,
} from '../task/errors.ts'
import { decode } from '../task/codec.ts'
import { decodeWith, type Codec } from '../task/codecs/codec.ts'
import { durationMs, type Duration } from '../task/duration.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { validate } from '../task/schema.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Command, CommandOutcome } from '../store/control.ts'
import type { AddVerdict, TaskRef } from '../store/port.ts'
import type { FailReason, TaskId, TaskOutcome, TaskSpec } from '../store/records.ts'
import { newNonce } from '../task/ids.ts'
import { editOf, replacementOf, type TaskChanges } from './changes.ts'
import { cancelCommand, statusOf } from './task-control.ts'
import type { TaskStatus } from './status.ts'
import type { Connection } from './connection.ts'
import type { Readers } from './readers.ts'
import { checkUpdates, updatesOf, type TaskUpdate, type UpdatesOptions } from './updates.ts'
import { checkedSignal, type WaitOptions, type Waits } from './waits.ts'

/** What handles need of their client. */
export interface HandleContext {
  readonly connection: Connection
  readonly waits: Waits
  readonly readers: Readers
}

/** How long to wait for the end of a task. */
export interface ResultOptions {
  /** How long to wait. The task goes on if it takes longer. */
  readonly within: Duration
  readonly signal?: AbortSignal | undefined
}

/** A task in the store, as its producer sees it. */
export class TaskHandle<D extends AnyTask = AnyTask> {
  readonly task: D
  readonly id: TaskId
  readonly #context: HandleContext

  constructor(task: D, id: TaskId, context: HandleContext) {
    this.task = task
    this.id = id
    this.#context = context
  }

  /**
   * Waits until the task has ended, and answers its result.
   *
   * @throws TaskFailedError, TaskCancelledError, WaitTimeoutError (the task goes on), NotFoundError, ClosedError
   */
  async result(options: ResultOptions): Promise<D['~task']['result']> {
    const outcome = await this.#context.waits.ended(this.id, checkWait(options))
    return resultOf(this, outcome)
  }

  /**
   * Waits as `result` does, and answers what came of it: the three ends that `result` throws are answers here.
   *
   * @throws what else `result` throws: NotFoundError, ClosedError, InvalidPayloadError, StoreError
   */
  async settled(options: ResultOptions): Promise<Settled<D['~task']['result']>> {
    try {
      return { outcome: 'succeeded', result: await this.result(options) }
    } catch (error) {
      return settledBy(error)
    }
  }

  /**
   * Follows the task until it has ended: each state it is seen in, its progress, and the lines that its handler logs.
   * It is looked at when the store hints that tasks ended, and else once a second while nothing happens: a state that
   * lasted for less may be left out, and so are lines beyond the newest 100 between two looks. Nothing is kept for a reader that
   * lags: it goes on with the task as it is then. With `close` of the client it ends.
   *
   * @throws InvalidArgumentError; while it is read NotFoundError, StoreError, what the signal was aborted with
   */
  updates(options: UpdatesOptions = {}): AsyncIterableIterator<TaskUpdate> {
    return updatesOf(this.id, this.#context, checkUpdates(options))
  }

  /** @throws NotFoundError if the task was removed or forgotten */
  async status(): Promise<TaskStatus> {
    const status = await statusOf(this.id, this.#context.connection, this.task.codec)
    if (status === undefined) throw new NotFoundError(`The store holds no task ${this.id}.`)
    return status
  }

  /**
   * Cancels the task: at once if it waits; if it runs, its handler is asked to stop.
   *
   * @returns `cancelled`, `requested`, or `over` if it had ended
   * @throws NotFoundError
   */
  async cancel(reason?: string): Promise<'cancelled' | 'requested' | 'over'> {
    const outcome = await this.#command(cancelCommand(reason))
    if (outcome === 'requested') return outcome
    return outcome === 'changed' ? 'cancelled' : 'over'
  }

  /**
   * Changes a task that waits. A new input is checked by the schema of its definition.
   *
   * @returns `edited`, or `refused` if the task runs or has ended
   * @throws InvalidPayloadError, InvalidArgumentError, TooLargeError: nothing was written; NotFoundError
   */
  async edit(changes: TaskChanges<D['~task']['input']>): Promise<'edited' | 'refused'> {
    const command = await editOf(changes, async (input) => {
      const { connection } = this.#context
      const [record] = await connection.operation(() => connection.read((store) => store.get([this.id])))
      return replacementOf(input, [this.task], record ? [record] : [])
    })
    const outcome = await this.#command(command)
    return outcome === 'changed' ? 'edited' : 'refused'
  }

  /** @throws NotFoundError */
  async #command(command: Command): Promise<CommandOutcome> {
    const { connection } = this.#context
    const nonce = newNonce(connection.platform)
    const request = { nonce, command, target: { ids: [this.id] }, tasksMax: 1 }
    const answer = await connection.operation(() => connection.call((store) => store.command(request)))
    const [outcome = 'unknown'] = answer.outcomes
    if (outcome !== 'unknown') return outcome
    throw new NotFoundError(`The store holds no task ${this.id}.`)
  }
}

const RESULT_MEMBERS: Members<ResultOptions> = { within: true, signal: true }

/** @throws InvalidArgumentError */
export function checkWait(options: ResultOptions): WaitOptions {
  checkMembers(options, RESULT_MEMBERS, 'a wait')
  const { within, signal } = options
  return { withinMs: durationMs(within, 'within'), signal: checkedSignal(signal) }
}

/** What came of a task in the time that it was waited for. */
export type Settled<Result = unknown> =
  | { readonly outcome: 'succeeded'; readonly result: Result }
  | { readonly outcome: 'failed'; readonly error: TaskFailedError }
  | { readonly outcome: 'cancelled'; readonly error: TaskCancelledError }
  /** Nothing yet: it goes on. */
  | { readonly outcome: 'unsettled'; readonly error: WaitTimeoutError }

function settledBy(error: unknown): Settled<never> {
  switch (codeOf(error)) {
    case 'task-failed':
      return { outcome: 'failed', error: error as TaskFailedError }
    case 'task-cancelled':
      return { outcome: 'cancelled', error: error as TaskCancelledError }
    case 'wait-timeout':
      return { outcome: 'unsettled', error: error as WaitTimeoutError }
    default:
      throw error
  }
}

/** A handle as enqueue answers it: it says whether the task is new. */
export type EnqueuedHandle<D extends AnyTask = AnyTask> = TaskHandle<D> & Enqueued

/** What an enqueue came to: a new task, one that was there already, or a new one in the place of another. */
export type Enqueued =
  | { readonly outcome: 'created' }
  /** The task was there already: by its id, or by its unique key. The handle is the handle of that task. */
  | { readonly outcome: 'duplicate'; readonly by: TaskRef }
  /** The task is new, and took the place of another one by its unique key, which is cancelled. */
  | { readonly outcome: 'replaced'; readonly previous: TaskId }

/** The handle of what the store took. */
export function handleOf<D extends AnyTask>(
  task: D,
  { spec, verdict }: { readonly spec: TaskSpec; readonly verdict: AddVerdict },
  context: HandleContext,
): EnqueuedHandle<D> {
  const known = firstTime(spec, verdict)
  const id = known.outcome === 'duplicate' ? known.by.id : spec.id
  return Object.assign(new TaskHandle(task, id, context), known)
}

const CREATED: AddVerdict = { outcome: 'created' }

/** An id that was drawn just now is known to the store only if the call had to be repeated: it was ours that came first. */
export function firstTime({ id, idMadeBy }: TaskSpec, verdict: AddVerdict): AddVerdict {
  return idMadeBy === 'client' && verdict.outcome === 'duplicate' && verdict.by.id === id ? CREATED : verdict
}

/** What is to be said of a failure that says nothing itself. */
const WHY: Readonly<Record<FailReason, string>> = {
  error: 'its handler threw something without a message',
  timeout: 'its attempt, or all of them together, took too long',
  crashed: 'the workers that ran it died',
  expired: 'it was not started before its `startBy`',
  invalid: 'its payload or its result cannot be used',
  dependency: 'a task that it waited for did not succeed',
}

/**
 * The result of a task that has ended, through its output schema.
 *
 * @throws TaskFailedError, TaskCancelledError, InvalidPayloadError if the result does not match the schema
 */
export async function resultOf<D extends AnyTask>(
  { task, id }: { readonly task: D; readonly id: TaskId },
  outcome: TaskOutcome,
): Promise<D['~task']['result']> {
  if (outcome.state === 'cancelled') throw new TaskCancelledError(id, outcome.cancel?.reason ?? null)
  if (outcome.state === 'failed') {
    const { reason, error } = outcome
    // an error may have no text, and what ended for a reason of time or dependency has no error at all
    const message = error === null || error.message === '' ? WHY[reason ?? 'error'] : error.message
    throw new TaskFailedError(id, { reason: reason ?? 'error', message, cause: error ?? undefined })
  }
  const value = resultIn(outcome, { id, codec: task.codec })
  return validate(task.output, value, `The result of ${task.name}`)
}

/**
 * What a task has given, as it was kept.
 *
 * @param codec the definition's that reads it
 * @throws InvalidPayloadError, DecryptionError
 */
export function resultIn(
  { result, type }: Pick<TaskOutcome, 'result' | 'type'>,
  { id, codec }: { readonly id: TaskId; readonly codec: Codec | undefined },
): unknown {
  if (result === null) return undefined
  if (codec === undefined) return decode(result)
  return decodeWith(codec, result, { what: 'result', id, type: type ?? '', queue: null })
}
