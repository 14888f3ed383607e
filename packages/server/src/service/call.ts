/**
 * One thing that can be asked of the server. REST and gRPC differ in how a call is written down: what it means, who may
 * make it and what it answers stands here once.
 */
import type { z } from 'zod'
import type { ServerParts } from '../parts.ts'
import type { Caller } from '../access/caller.ts'
import type { Permission } from '../access/roles.ts'

/** A call: its input and output are JSON, as their schemas say. */
export interface Call<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  /** What it is about, and what is done: `tasks.enqueue`. */
  readonly name: string
  /** For its documentation: what it does, as a sentence. */
  readonly summary: string
  /** What the caller must be permitted somewhere; in which queues is for `run` to check, of each item by itself. */
  readonly permission: Permission
  readonly input: Input
  readonly output: Output
  /** @throws errors of Millrace, whose codes say what is answered */
  run(input: z.output<Input>, scene: Scene): Promise<z.input<Output>>
}

/** What a call has to do with. */
export interface Scene extends ServerParts {
  readonly caller: Caller
  /** Aborted when nobody waits for the answer any more, or the server ends. */
  readonly signal: AbortSignal
}

/** A call with its types. */
export function defineCall<Input extends z.ZodType, Output extends z.ZodType>(
  call: Call<Input, Output>,
): Call<Input, Output> {
  return call
}
