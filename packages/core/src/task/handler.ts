import { InvalidArgumentError } from './errors.ts'
import { checkMembers, type Members } from './members.ts'
import { shown } from './shown.ts'
import type { AnyTask, InputArguments, TaskTypes } from './definition.ts'
import type { EnqueueOptions } from './draft.ts'
import type { Logger } from './logger.ts'
import type { Scheduled } from './scheduled.ts'
import type { TransactionalContext } from './transaction.ts'
import type { TaskId } from '../store/records.ts'

/** What a handler is told about its task. */
export interface TaskInfo {
  readonly id: TaskId
  readonly type: string
  readonly queue: string
  /** Whose turn it takes; `null`: it names none. */
  readonly partition: string | null
  /** Ids of the tasks it waited for. */
  readonly after: readonly TaskId[]
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  /** Which schedule it is a run of, and of which fire time; `undefined`: of none. */
  readonly schedule: Scheduled | undefined
}

/** Why a handler's signal is aborted: `signal.reason` is an `AbortError` with this as its `reason`. */
export type AbortCode = 'lost' | 'cancel' | 'timeout' | 'shutdown'

/** What a handler can do besides returning. Everything it writes is fenced: it counts only while the lease is ours. */
export interface Context {
  readonly task: TaskInfo
  /** 1 for the first. */
  readonly attempt: number
  /** The same for all attempts: hand it to whatever you call, so that a repeat has no second effect. */
  readonly idempotencyKey: string
  /** Aborted when the lease is lost, on cancel, at the timeout, and late in a shutdown. */
  readonly signal: AbortSignal
  /** @throws FencedError if the lease is known to be lost */
  throwIfLost(): void
  /** Reports progress, from 0 to 1. Reports are coalesced and travel with the next exchange. */
  progress(fraction: number, message?: string): void
  /** Logs to the worker's logger, and keeps the newest lines with the task. */
  readonly log: Logger
  /**
   * Enqueues in the name of this task. Repeated by a later attempt under the same key it is the same task.
   *
   * @throws FencedError if the lease is lost; nothing is enqueued then
   */
  enqueue<D extends AnyTask>(
    task: D,
    ...input: InputArguments<D['~task']['input'], ChildOptions>
  ): Promise<ChildHandle<D>>
  /**
   * Results of the parents of that definition which succeeded, in the order of `after`.
   *
   * @throws InvalidPayloadError if its output schema refuses one
   */
  results<D extends AnyTask>(task: D): Promise<D['~task']['result'][]>
  /** The result of one parent, by its id or handle; `undefined` if it did not succeed. */
  result(parent: { readonly id: TaskId } | TaskId): Promise<unknown>
  /**
   * Saves where the next attempt should go on: any JSON, of 1 MiB at most. Resolves when it is written.
   *
   * @throws FencedError if the lease is lost, InvalidPayloadError, TooLargeError
   */
  checkpoint(value: unknown): Promise<void>
  /** What an earlier attempt saved last; `undefined` if none did. */
  readonly checkpointed: unknown
}

/** Options of a task that a handler enqueues. Its id comes from `key`, unless it is given. */
export type ChildOptions = EnqueueOptions &
  (
    | {
        /** Names this child among those of the task. Default: the type and a running number. */
        readonly key?: string | undefined
        readonly id?: undefined
      }
    | { readonly id?: TaskId | undefined; readonly key?: undefined }
  )

/** A task that a handler enqueued. */
export interface ChildHandle<D extends AnyTask = AnyTask> {
  readonly task: D
  readonly id: TaskId
  readonly outcome: 'created' | 'duplicate' | 'replaced'
}

/** What runs a task, synchronous or asynchronous. With a transaction's type its context has transactions, too. */
export type HandlerFunction<T extends TaskTypes, Tx = unknown> = (
  input: T['received'],
  ctx: unknown extends Tx ? Context : TransactionalContext<Tx, T['returned']>,
) => T['returned'] | PromiseLike<T['returned']>

/** How a handler is run. */
export interface HandlerOptions {
  /** Where it runs. `inline`, the default: on the worker's main thread. */
  readonly runIn?: 'inline' | undefined
}

/**
 * A definition and the code that runs it. `Tx` is the type of the transactions that it needs of its store: only
 * workers of a store that has them take it.
 */
export class Handler<D extends AnyTask = AnyTask, Tx = unknown> {
  /** Tells a handler by structure, whichever copy of the library made it. */
  readonly '~handler' = true
  /** For the compiler only: who needs a transaction of one type can be given one of a narrower type. */
  declare readonly '~transaction'?: ((tx: Tx) => void) | undefined
  readonly task: D
  /** Takes what the task's input schema made of the payload: `never` here, because a list of handlers has many inputs. */
  readonly run: (input: never, ctx: never) => unknown
  readonly options: HandlerOptions

  /** @throws InvalidArgumentError */
  constructor(task: D, run: (input: never, ctx: never) => unknown, options: HandlerOptions) {
    checkHandler(task.name, run, options)
    this.task = task
    this.run = run
    this.options = options
  }
}

/** Any handler, whatever it needs of its store. */
export type AnyHandler = Handler<AnyTask, never>

const HANDLER_MEMBERS: Members<HandlerOptions> = { runIn: true }

function checkHandler(name: string, run: unknown, options: HandlerOptions): void {
  if (typeof run !== 'function') {
    throw new InvalidArgumentError(`The handler of ${name} is ${shown(run)}, which is no function.`, {
      hint: 'It is a function of the input and the context: task.handler(async (input, ctx) => …).',
    })
  }
  checkMembers(options, HANDLER_MEMBERS, `the handler of ${name}`)
  const runIn: unknown = options.runIn
  if (runIn === undefined || runIn === 'inline') return
  throw new InvalidArgumentError(`runIn is ${shown(runIn)}.`, { hint: "It is 'inline', or left out." })
}
