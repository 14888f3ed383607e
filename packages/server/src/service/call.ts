/**
 * One thing that can be asked of the server. REST and gRPC differ in how a call is written down: what it means, who may
 * make it and what it answers stands here once.
 */
import type { z } from 'zod'
import type { ServerParts } from '../parts.ts'
import type { Caller } from '../access/caller.ts'
import type { Permission } from '../access/roles.ts'
import type { EventHub } from './events/hub.ts'

/** What is said of everything that can be asked of the server. */
export interface CallTraits<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  /** What it is about, and what is done: `tasks.enqueue`. */
  readonly name: string
  /** For its documentation: what it does, as a sentence. */
  readonly summary: string
  /** What the caller must be permitted somewhere; in which queues is for `run` to check, of each item by itself. */
  readonly permission: Permission
  readonly input: Input
  readonly output: Output
  /** An input that works, for its documentation; a test runs it. */
  readonly example: z.input<Input>
}

/** A call: its input and output are JSON, as their schemas say. */
export interface Call<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> extends CallTraits<Input, Output> {
  /**
   * What the audit keeps of the input, which is no input of tasks; `undefined`: nothing is to be kept, as of a preview.
   * A call without it changes nothing that an operator looks after.
   */
  readonly audited?: ((input: z.output<Input>) => unknown) | undefined
  /** @throws errors of Millrace, whose codes say what is answered */
  run(input: z.output<Input>, scene: Scene): Promise<z.input<Output>>
}

/** A call that goes on answering: its output is what comes again and again. */
export interface StreamCall<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> extends CallTraits<Input, Output> {
  /**
   * Resolves once the caller is known to be let in; the iterator ends with the signal of the scene.
   *
   * @throws errors of Millrace, before anything comes and later
   */
  open(
    input: z.output<Input>,
    scene: StreamScene,
  ): Promise<AsyncIterableIterator<StreamItem<z.input<Output>>>>
}

/** Something that came, and where in the stream it stands, for those who come back to go on. */
export interface StreamItem<T> {
  readonly id: string | null
  readonly data: T
}

/** What a call has to do with. */
export interface Scene extends ServerParts {
  readonly caller: Caller
  /** Aborted when nobody waits for the answer any more, or the server ends. */
  readonly signal: AbortSignal
  /** The trace of the caller, as headers for the tasks that it enqueues. */
  readonly trace?: Readonly<Record<string, string>> | undefined
}

/** What a stream has to do with: whoever calls may be permitted less while it goes on. */
export interface StreamScene extends Scene {
  /** The caller as they are known now. */
  readonly current: () => Caller
  readonly hub: EventHub
}

/** A call with its types. */
export function defineCall<Input extends z.ZodType, Output extends z.ZodType>(
  call: Call<Input, Output>,
): Call<Input, Output> {
  return call
}

/** A stream with its types. */
export function defineStream<Input extends z.ZodType, Output extends z.ZodType>(
  call: StreamCall<Input, Output>,
): StreamCall<Input, Output> {
  return call
}
