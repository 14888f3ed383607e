/** One run of a task by a worker elsewhere: what it is told, and what it says. */
import {
  AbortError,
  codeOf,
  InvalidArgumentError,
  SnoozeError,
  type AnyTask,
  type Context,
} from '@millrace/core'
import { durationOf, millisecondsOf, type Reply } from './replies.ts'
import type { Caller } from '../access/caller.ts'
import type {
  RunRequest,
  RunRequest_Checkpoint,
  RunRequest_Done,
  RunRequest_Failed,
  RunRequest_Log,
  RunRequest_Spawn,
} from '../wire/generated/millrace/v1/worker_service_pb.ts'

/** A task to be enqueued, by the name of its definition. */
export interface SpawnedTask {
  readonly type: string
  /** `undefined`: as its definition says. */
  readonly queue: string | undefined
}

/** Where definitions are found that somebody else has published. */
export interface Definitions {
  /** @throws errors of Millrace, if nobody has, or the caller may not enqueue by it */
  definitionOf(wanted: SpawnedTask, caller: Caller): Promise<AnyTask>
}

export interface ForeignRunParts extends Definitions {
  /** Names the run in what is said of it. */
  readonly number: bigint
  /** As they are known now. */
  caller(): Caller
  send(reply: Reply): void
  /** Told of what the worker has asked for; it never rejects. */
  asking(asked: Promise<void>): void
  /** What the worker said of the run cannot be. */
  failed(error: unknown): void
}

/** What a worker says of one of its runs. */
type Word = Extract<
  RunRequest['message'],
  { readonly case: 'done' | 'progress' | 'log' | 'checkpoint' | 'spawn' }
>

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

export class ForeignRun {
  readonly #ctx: Context
  readonly #parts: ForeignRunParts
  readonly #end = Promise.withResolvers<unknown>()

  constructor(ctx: Context, parts: ForeignRunParts) {
    this.#ctx = ctx
    this.#parts = parts
  }

  /** Sends the task, and resolves with its result. */
  async over(input: unknown): Promise<unknown> {
    const { signal } = this.#ctx
    const abort = (): void => {
      const reason = signal.reason instanceof AbortError ? signal.reason.reason : 'shutdown'
      this.#parts.send({ case: 'abort', value: { run: this.#parts.number, reason } })
      // nobody waits for what it says of it
      if (reason === 'lost') this.lost()
    }
    if (signal.aborted) throw signal.reason
    signal.addEventListener('abort', abort)
    try {
      this.#parts.send({ case: 'task', value: this.#task(input) })
      return await this.#end.promise
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** It is known that the worker will not say how it ended, or that it does not matter. */
  lost(): void {
    this.#end.reject(this.#ctx.signal.reason ?? new Error('The worker is gone.'))
  }

  hear(word: Word): void {
    try {
      this.#heed(word)
    } catch (error) {
      this.#parts.failed(error)
    }
  }

  #heed(word: Word): void {
    switch (word.case) {
      case 'done':
        return this.#done(word.value)
      case 'progress':
        return this.#ctx.progress(word.value.fraction, word.value.text === '' ? undefined : word.value.text)
      case 'log':
        return this.#log(word.value)
      case 'checkpoint':
        return this.#parts.asking(this.#answer(word.value.request, () => this.#checkpoint(word.value)))
      case 'spawn':
        return this.#parts.asking(this.#answer(word.value.request, () => this.#spawn(word.value)))
    }
  }

  #task(input: unknown): Extract<Reply, { readonly case: 'task' }>['value'] {
    const { task, attempt, idempotencyKey, fence, checkpointed } = this.#ctx
    const { schedule } = task
    return {
      run: this.#parts.number,
      id: task.id,
      type: task.type,
      queue: task.queue,
      attempt,
      input:
        input instanceof Uint8Array
          ? { case: 'data', value: Uint8Array.from(input) }
          : { case: 'json', value: JSON.stringify(input ?? null) },
      checkpoint: checkpointed === undefined ? '' : JSON.stringify(checkpointed),
      idempotencyKey,
      epoch: fence.epoch,
      tags: [...task.tags],
      metadata: { ...task.metadata },
      headers: { ...task.headers },
      after: [...task.after],
      ...(schedule === undefined
        ? {}
        : { schedule: schedule.name, fireTime: durationOf(schedule.at.getTime()) }),
    }
  }

  #done({ outcome }: RunRequest_Done): void {
    switch (outcome.case) {
      case 'succeeded': {
        const { result } = outcome.value
        if (result.case === 'data') return this.#end.resolve(result.value)
        return this.#end.resolve(result.case === 'json' ? parsed(result.value, 'The result') : undefined)
      }
      case 'failed':
        return this.#end.reject(errorOf(outcome.value))
      case 'snoozed':
        return this.#end.reject(new SnoozeError(millisecondsOf(outcome.value)!))
      case undefined:
        throw new InvalidArgumentError('The worker does not say how the task has ended.', {
          hint: 'done has succeeded, failed or snoozed.',
        })
    }
  }

  #log({ level, text, data }: RunRequest_Log): void {
    const known = level === '' ? 'info' : LEVELS.find((one) => one === level)
    if (known === undefined)
      throw new InvalidArgumentError(`The log level is ${JSON.stringify(level)}.`, {
        hint: `It is one of ${LEVELS.join(', ')}.`,
      })
    const fields = data === '' ? {} : parsed(data, 'The data of a log line')
    this.#ctx.log[known](typeof fields === 'object' && fields !== null ? fields : { data: fields }, text)
  }

  async #checkpoint({ json }: RunRequest_Checkpoint): Promise<string> {
    await this.#ctx.checkpoint(parsed(json, 'The checkpoint'))
    return ''
  }

  async #spawn({ key, type, input, queue, delay }: RunRequest_Spawn): Promise<string> {
    const caller = this.#parts.caller()
    const wanted = { type, queue: queue === '' ? undefined : queue }
    const task = await this.#parts.definitionOf(wanted, caller)
    const named = wanted.queue ?? task.options.queue
    caller.require('enqueue', named)
    const { id } = await this.#ctx.enqueue(task, parsed(input, 'The input'), {
      key: key === '' ? undefined : key,
      queue: named,
      delay: millisecondsOf(delay),
    })
    return id
  }

  /** What the worker asked for is answered either way. */
  async #answer(request: bigint, ask: () => Promise<string>): Promise<void> {
    try {
      this.#parts.send({ case: 'answer', value: { request, result: { case: 'id', value: await ask() } } })
    } catch (error) {
      const code = codeOf(error)
      if (code === undefined) return this.#parts.failed(error)
      const value = { code, message: (error as Error).message }
      this.#parts.send({ case: 'answer', value: { request, result: { case: 'refusal', value } } })
    }
  }
}

/** What a handler here would have thrown. */
function errorOf({ name, message, stack, again }: RunRequest_Failed): Error {
  const error = new Error(message)
  error.name = name === '' ? 'Error' : name
  error.stack = stack === '' ? '' : stack
  if (again.case === 'never' && again.value) return Object.assign(error, { code: 'non-retryable' })
  if (again.case === 'after')
    return Object.assign(error, { code: 'retry-after', delayMs: millisecondsOf(again.value) })
  return error
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new InvalidArgumentError(`${what} is no JSON.`, { hint: 'Encode it as JSON text.', cause })
  }
}
