import { durationMs, type Duration } from './duration.ts'
import { InvalidArgumentError } from './errors.ts'
import { checkMembers, type Members } from './members.ts'
import { shown } from './shown.ts'
import type { AnyTask, InputArguments, TaskTypes } from './definition.ts'
import type { EnqueueOptions } from './draft.ts'
import type { Logger } from './logger.ts'
import type { Scheduled } from './scheduled.ts'
import type { TransactionalContext } from './transaction.ts'
import type { Fence, TaskId } from '../store/records.ts'

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
  /**
   * What makes this run's writes count, and those of an older run not: the epoch grows with every change of
   * ownership, so a system of yours that remembers the highest one it saw can refuse what comes late.
   */
  readonly fence: Fence
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
export type HandlerOptions = InlineOptions | ThreadOptions | ProcessOptions

/** On the worker's main thread. */
export interface InlineOptions {
  /** Where it runs. `inline`, the default: on the worker's main thread. */
  readonly runIn?: 'inline' | undefined
  /**
   * How long the worker's main thread may be blocked while this handler runs, before the lease is left to lapse. Of
   * handlers that run at the same time the longest counts. Default: the worker's `maxBlock`.
   */
  readonly maxBlock?: Duration | undefined
  readonly heapMb?: undefined
  readonly memoryMb?: undefined
  readonly env?: undefined
}

/** In a thread that is ended if need be: at a timeout, also in the middle of a loop. */
export interface ThreadOptions {
  /** The worker needs `isolates: { module }`. */
  readonly runIn: 'thread'
  /** Most that its objects may take, in MiB, at least 16. Default: what Node gives a thread. */
  readonly heapMb?: number | undefined
  readonly maxBlock?: undefined
  readonly memoryMb?: undefined
  readonly env?: undefined
}

/** In a process of its own, which may crash as it likes. */
export interface ProcessOptions {
  /** The worker needs `isolates: { module }`. */
  readonly runIn: 'process'
  /** Most that its objects may take, in MiB, at least 16. Default: what Node gives a process. */
  readonly heapMb?: number | undefined
  /** Most that the whole process may take, in MiB, at least 64: then it is killed. Default: whatever it takes. */
  readonly memoryMb?: number | undefined
  /**
   * The names of the environment variables that it sees. Default: PATH, HOME, LANG, TZ, NODE_ENV and others of no
   * consequence; never a password that is not named here.
   */
  readonly env?: readonly string[] | undefined
  readonly maxBlock?: undefined
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

const HANDLER_MEMBERS: Members<ProcessOptions & InlineOptions> = {
  runIn: true,
  maxBlock: true,
  heapMb: true,
  memoryMb: true,
  env: true,
}

const HEAP_MIN_MB = 16
const MEMORY_MIN_MB = 64

function checkHandler(name: string, run: unknown, options: HandlerOptions): void {
  if (typeof run !== 'function') {
    throw new InvalidArgumentError(`The handler of ${name} is ${shown(run)}, which is no function.`, {
      hint: 'It is a function of the input and the context: task.handler(async (input, ctx) => …).',
    })
  }
  checkMembers(options, HANDLER_MEMBERS, `the handler of ${name}`)
  const { runIn = 'inline', heapMb, memoryMb, env, maxBlock } = options
  if (!['inline', 'thread', 'process'].includes(runIn)) {
    throw new InvalidArgumentError(`runIn is ${shown(runIn)}.`, {
      hint: "It is 'inline' (or left out), 'thread' or 'process'.",
    })
  }
  if (maxBlock !== undefined) durationMs(maxBlock, 'maxBlock')
  if (runIn !== 'inline' && maxBlock !== undefined) throw misplaced('maxBlock', "'inline'")
  if (runIn === 'inline' && heapMb !== undefined) throw misplaced('heapMb', "'thread' or 'process'")
  if (runIn !== 'process' && memoryMb !== undefined) throw misplaced('memoryMb', "'process'")
  if (runIn !== 'process' && env !== undefined) throw misplaced('env', "'process'")
  checkMb(heapMb, 'heapMb', HEAP_MIN_MB)
  checkMb(memoryMb, 'memoryMb', MEMORY_MIN_MB)
  checkEnv(env)
}

function misplaced(option: string, where: string): InvalidArgumentError {
  return new InvalidArgumentError(`${option} is given, but not for runIn: ${where}.`, {
    hint: 'A handler that runs elsewhere shares what others have.',
  })
}

function checkMb(mb: number | undefined, what: string, least: number): void {
  if (mb === undefined || (Number.isInteger(mb) && mb >= least)) return
  throw new InvalidArgumentError(`${what} is ${shown(mb)}.`, {
    hint: `It is a whole number of MiB, at least ${least}.`,
  })
}

function checkEnv(env: unknown): void {
  if (env === undefined || (Array.isArray(env) && env.every((name) => typeof name === 'string'))) return
  throw new InvalidArgumentError(`env is ${shown(env)}.`, {
    hint: "It is a list of the names of environment variables: ['API_KEY'].",
  })
}
