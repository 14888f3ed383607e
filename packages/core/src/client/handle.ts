import { InvalidArgumentError, NotFoundError, TaskCancelledError, TaskFailedError } from '../task/errors.ts'
import { decode } from '../task/codec.ts'
import { durationMs, type Duration } from '../task/duration.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import { validate } from '../task/schema.ts'
import type { AnyTask } from '../task/definition.ts'
import type { AddVerdict, TaskRef } from '../store/port.ts'
import type { FailReason, TaskId, TaskOutcome, TaskSpec } from '../store/records.ts'
import { newNonce } from '../task/ids.ts'
import { cancelCommand, statusOf } from './task-control.ts'
import type { TaskStatus } from './status.ts'
import type { Connection } from './connection.ts'
import type { WaitOptions, Waits } from './waits.ts'

/** What handles need of their client. */
export interface HandleContext {
  readonly connection: Connection
  readonly waits: Waits
}

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

  /** @throws NotFoundError if the task was removed or forgotten */
  async status(): Promise<TaskStatus> {
    const status = await statusOf(this.id, this.#context.connection)
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
    const { connection } = this.#context
    const nonce = newNonce(connection.platform)
    const command = cancelCommand(reason)
    const request = { nonce, command, target: { ids: [this.id] }, tasksMax: 1 }
    const answer = await connection.operation(() => connection.call((store) => store.command(request)))
    switch (answer.outcomes[0]) {
      case 'changed':
        return 'cancelled'
      case 'requested':
        return 'requested'
      case 'refused':
        return 'over'
      default:
        throw new NotFoundError(`The store holds no task ${this.id}.`)
    }
  }
}

const RESULT_MEMBERS: Members<ResultOptions> = { within: true, signal: true }

/** @throws InvalidArgumentError */
export function checkWait(options: ResultOptions): WaitOptions {
  checkMembers(options, RESULT_MEMBERS, 'a wait')
  const { within, signal } = options
  const withinMs = durationMs(within, 'within')
  if (signal === undefined || isSignal(signal)) return { withinMs, signal }
  throw new InvalidArgumentError(`signal is ${shown(signal)}.`, {
    hint: 'It is an AbortSignal, as of an AbortController.',
  })
}

/** By structure: it may come from another realm. */
function isSignal(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'throwIfAborted' in value
}

/** A handle as enqueue answers it: it says whether the task is new. */
export type EnqueuedHandle<D extends AnyTask = AnyTask> = TaskHandle<D> & Enqueued

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
  return validate(
    task.output,
    outcome.result === null ? undefined : decode(outcome.result),
    `The result of ${task.name}`,
  )
}
