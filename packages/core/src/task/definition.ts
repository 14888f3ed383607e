/**
 * A task's definition: its name, the types of what goes in and comes out, and how it is treated. It is a
 * value of its own, apart from the handler, so that a producer never loads handler code.
 */
import { BatchHandler, type BatchFunction, type BatchOptions } from './batch.ts'
import type { DeadLetterTask } from './dead-letter.ts'
import { Draft, NO_OPTIONS, type EnqueueOptions } from './draft.ts'
import { resolveFlow, type Flow, type FlowOptions } from './flow-options.ts'
import { InvalidArgumentError } from './errors.ts'
import { Handler, type HandlerFunction, type HandlerOptions, type InlineOptions } from './handler.ts'
import type { Carried } from './json.ts'
import { checkedName } from './limits.ts'
import { checkMembers, type Members } from './members.ts'
import { shown } from './shown.ts'
import {
  checkedUnique,
  resolveDefinition,
  type CustomRetry,
  type ResolvedOptions,
  type RetryOptions,
  type SharedOptions,
  type UniqueOptions,
} from './options.ts'
import { checkedCodec, type Codec } from './codecs/codec.ts'
import { checkedVersion, type Upcasts, type VersionOptions } from './versions.ts'
import { isSchema, type InputOf, type OutputOf, type Schema } from './schema.ts'

/** The four types of a task. They exist for the compiler only. */
export interface TaskTypes {
  /** What is passed to enqueue, and stored. */
  readonly input: unknown
  /** What the handler gets: the input after the schema's transforms. */
  readonly received: unknown
  /** What the handler returns, and is stored. */
  readonly returned: unknown
  /** What a reader of the result gets. */
  readonly result: unknown
}

/** What every definition is, whatever its types. */
export interface AnyTask {
  readonly '~task': TaskTypes
  readonly name: string
  readonly input: Schema
  readonly output: Schema | undefined
  readonly options: ResolvedOptions
  readonly unique: UniqueOptions<never> | undefined
  /** Its partition, limits and breaker, where it has any. */
  readonly flow?: Flow | undefined
  /** A retry function of the user's, where there is one. */
  readonly retryDelay: CustomRetry['delay'] | undefined
  /** What is enqueued when one of its tasks has failed for good. */
  readonly deadLetter?: AnyTask | undefined
  /** How inputs of older versions become such as it takes. */
  readonly upcast?: Upcasts | undefined
  /** How its payloads are kept, if not as JSON. */
  readonly codec?: Codec | undefined
}

/** The arguments that name an input: it may be left out where `undefined` is one. */
export type InputArguments<Input, Options> = undefined extends Input
  ? readonly [input?: Input | undefined, options?: Options | undefined]
  : readonly [input: Input, options?: Options | undefined]

/** Options of a definition, whatever its types. */
export interface DefinitionOptions
  extends SharedOptions<RetryOptions | CustomRetry>, FlowOptions<never>, VersionOptions {
  readonly input: Schema
  readonly output?: Schema | undefined
  /** How inputs, results and checkpoints are kept: `richJson`, `compressed(json)`, … Default: as JSON. */
  readonly codec?: Codec | undefined
  readonly unique?: UniqueOptions<never> | undefined
  /**
   * A task that is enqueued once for each task of this definition that has failed for good, with a `DeadLetter` as its
   * input: within seconds, by the workers that handle this definition. Default: none.
   */
  readonly deadLetter?: DeadLetterTask | undefined
}

/** Options of a definition; what a call says goes before what stands here. */
export interface TaskOptions<
  In extends Schema,
  Out extends Schema,
  C extends Codec | undefined = undefined,
> extends DefinitionOptions {
  /** The schema of the input: any Standard Schema, or `unchecked<T>()`. Its input is passed and stored, its output is what the handler gets. */
  readonly input: In & CarriedBy<C, InputOf<In>, 'input'>
  /** The schema of the result: its input is what the handler returns, its output what readers get. Without it the result is unknown. */
  readonly output?: (Out & CarriedBy<C, InputOf<Out>, 'output'>) | undefined
  readonly codec?: C
  /** One task per key at a time. Default: none. */
  readonly unique?: UniqueOptions<InputOf<In>> | undefined
  readonly partition?: FlowOptions<InputOf<In>>['partition']
  readonly limits?: FlowOptions<InputOf<In>>['limits']
}

/** With a codec of its own a task carries what that does. */
type CarriedBy<C, T, What extends string> = [C] extends [{ readonly carries: 'json' } | undefined]
  ? Carried<T, What>
  : unknown

/** A task as `defineTask` answers it. */
export class TaskDefinition<Name extends string, T extends TaskTypes> implements AnyTask {
  declare readonly '~task': T
  readonly name: Name
  readonly input: Schema
  readonly output: Schema | undefined
  readonly options: ResolvedOptions
  readonly unique: UniqueOptions<never> | undefined
  readonly flow: Flow | undefined
  readonly retryDelay: CustomRetry['delay'] | undefined
  readonly deadLetter: AnyTask | undefined
  readonly upcast: Upcasts | undefined
  readonly codec: Codec | undefined

  /** @throws InvalidArgumentError if the name or an option cannot be right */
  constructor(name: Name, options: DefinitionOptions) {
    checkedName(name, 'The task name')
    const { input, output, unique } = checkedSchemas(name, options)
    checkMembers(options, DEFINITION_MEMBERS, `the task ${name}`)
    this.name = name
    this.input = input
    this.output = output
    this.unique = unique === undefined ? undefined : checkedUnique(unique)
    this.flow = resolveFlow(options)
    this.deadLetter = checkedDeadLetter(name, options.deadLetter)
    const { resolved, retryDelay } = resolveDefinition(options)
    this.options = { ...resolved, version: checkedVersion(name, options) }
    this.upcast = options.upcast
    this.codec = checkedCodec(options.codec, `the task ${name}`)
    this.retryDelay = retryDelay
  }

  /** A task to be, for bulk enqueues and graphs. Nothing is checked or written yet. */
  with(...[input, options]: InputArguments<T['input'], EnqueueOptions>): Draft<this> {
    return new Draft(this, input, options ?? NO_OPTIONS)
  }

  /**
   * The code that runs it: what it returns is the result, what it throws fails the attempt.
   *
   * With the type of a store's transactions, as in `handler<PgTransaction>(…)`, `ctx` has `transaction` and
   * `within`, and only workers of such a store take the handler: inline, where the transaction is.
   *
   * @throws InvalidArgumentError
   */
  handler<Tx = unknown>(
    run: HandlerFunction<T, Tx>,
    options?: unknown extends Tx ? HandlerOptions : InlineOptions,
  ): Handler<this, Tx> {
    return new Handler(this, run, options ?? {})
  }

  /**
   * The code that runs many of its tasks in one call, which takes one slot of the worker. It answers a result for each
   * input, in their order, or `fail(…)`; what it throws fails the attempt of each.
   *
   * @throws InvalidArgumentError
   */
  batch(options: BatchOptions<T['received']>, run: BatchFunction<T>): BatchHandler<this> {
    return new BatchHandler(this, run, options)
  }
}

/**
 * Defines a task.
 *
 * @param name 1 to 128 letters, digits, `_`, `.`, `-`, of which the first is a letter or a digit; it is what
 *   workers and stores know the task by
 * @throws InvalidArgumentError if the name or an option cannot be right
 */
export function defineTask<
  const Name extends string,
  In extends Schema,
  Out extends Schema = Schema,
  C extends Codec | undefined = undefined,
>(
  name: Name,
  options: TaskOptions<In, Out, C>,
): TaskDefinition<
  Name,
  { input: InputOf<In>; received: OutputOf<In>; returned: InputOf<Out>; result: OutputOf<Out> }
> {
  return new TaskDefinition(name, options)
}

/**
 * Refuses what is no definition, such as a task's name.
 *
 * @throws InvalidArgumentError
 */
export function checkTask(task: unknown): void {
  if (task instanceof TaskDefinition) return // only the shortest way: another copy's are no less good
  const { name, input, options } = Object(task) as Partial<AnyTask>
  if (typeof name === 'string' && typeof options?.queue === 'string' && isSchema(input)) return
  throw new InvalidArgumentError(`The task is ${shown(task)}, which is no definition.`, {
    hint: "Give what defineTask answers: const greet = defineTask('greet', { input }).",
  })
}

const DEFINITION_MEMBERS: Members<DefinitionOptions> = {
  input: true,
  output: true,
  queue: true,
  priority: true,
  retry: true,
  timeout: true,
  startBy: true,
  deadline: true,
  unique: true,
  partition: true,
  limits: true,
  breaker: true,
  deadLetter: true,
  version: true,
  upcast: true,
  codec: true,
}

/** One that dies for its own dead letters would never come to an end. */
function checkedDeadLetter(name: string, deadLetter: AnyTask | undefined): AnyTask | undefined {
  if (deadLetter === undefined) return undefined
  checkTask(deadLetter)
  if (deadLetter.name !== name) return deadLetter
  throw new InvalidArgumentError(`The task ${name} is its own dead letter.`, {
    hint: 'Name another task, whose handler does what is to be done when this one fails.',
  })
}

function checkedSchemas(name: string, options: DefinitionOptions | undefined): DefinitionOptions {
  if (!isSchema(options?.input)) {
    throw new InvalidArgumentError(`The task ${name} has no input schema.`, { hint: SCHEMA_HINT })
  }
  if (options.output !== undefined && !isSchema(options.output)) {
    throw new InvalidArgumentError(`The output of the task ${name} is no schema.`, { hint: SCHEMA_HINT })
  }
  return options
}

const SCHEMA_HINT = 'Give any Standard Schema (zod, valibot, arktype …), or unchecked<T>().'
