/** One run of one handler, on a store in memory that nobody else ever sees. */
import {
  codeOf,
  MemoryStore,
  Mill,
  systemPlatform,
  type AnyTask,
  type BatchContext,
  type Context,
  type Handler,
  type Logger,
} from '@millrace/core'

/** What a handler does that would leave something behind. */
export type Happening =
  | { readonly kind: 'progress'; readonly fraction: number; readonly message: string | undefined }
  | { readonly kind: 'checkpoint'; readonly value: unknown }
  | { readonly kind: 'enqueue'; readonly task: string; readonly input: unknown; readonly options: object }

export type Ending =
  | { readonly kind: 'succeeded'; readonly result: unknown; readonly durationMs: number }
  /** `retryMs`: after so long another attempt would be made; `null`: it was the last. */
  | {
      readonly kind: 'failed'
      readonly error: unknown
      readonly retryMs: number | null
      readonly durationMs: number
    }
  | { readonly kind: 'snoozed'; readonly delayMs: number; readonly durationMs: number }

export interface Audience {
  /** Where `ctx.log` goes. */
  readonly logger: Logger
  readonly happened: (happening: Happening) => void
}

/**
 * Runs a handler once, inline, whatever its options say.
 *
 * @throws InvalidPayloadError if the input does not match its schema, and what else `enqueue` throws
 */
export async function rehearse(handler: Handler, input: unknown, audience: Audience): Promise<Ending> {
  const ended = Promise.withResolvers<Ending>()
  let since = performance.now()
  const durationMs = (): number => Math.round(performance.now() - since)
  await using mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger: SILENT })
  const worker = mill.worker({
    handlers: observed(handler, audience, {
      called: () => (since = performance.now()),
      snoozed: (delayMs) => ended.resolve({ kind: 'snoozed', delayMs, durationMs: durationMs() }),
    }),
    drain: 0,
  })
  worker.on('failed', ({ error, willRetryAt }) => {
    const retryMs = willRetryAt === null ? null : Math.max(0, willRetryAt.getTime() - Date.now())
    ended.resolve({ kind: 'failed', error, retryMs, durationMs: durationMs() })
  })
  worker.on('succeeded', ({ task }) => {
    // by its handle, which knows the codec of its definition
    const told = mill
      .handle(handler.task as AnyTask, task.id)
      .status()
      .then(({ result }): Ending => ({ kind: 'succeeded', result, durationMs: durationMs() }))
    ended.resolve(told)
  })
  worker.on('error', ({ error }) => ended.reject(error))
  const task: AnyTask = handler.task
  const unique = task.unique === undefined ? undefined : { key: 'rehearsal' }
  await mill.enqueue(task, input, { unique })
  await worker.start()
  return await ended.promise
}

const nothing = (): void => undefined
const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** What a worker says nothing of: when the handler is called, and that it is no failure to ask for another time. */
interface Calls {
  readonly called: () => void
  readonly snoozed: (delayMs: number) => void
}

function observed(handler: Handler, audience: Audience, { called, snoozed }: Calls): Handler {
  const run = async (input: never, ctx: Context | BatchContext): Promise<unknown> => {
    called()
    try {
      return await handler.run(
        input,
        ('items' in ctx ? ofBatch(ctx, audience) : seen(ctx, audience)) as never,
      )
    } catch (error) {
      if (codeOf(error) === 'snooze') snoozed((error as { readonly delayMs: number }).delayMs)
      throw error
    }
  }
  // whatever kind of handler it is
  return Object.create(handler, { run: { value: run }, options: { value: {} } }) as Handler
}

function ofBatch(ctx: BatchContext, audience: Audience): BatchContext {
  return new Proxy(ctx, {
    get: (target, name) =>
      name === 'items' ? target.items.map((item) => seen(item, audience)) : memberOf(target, name),
  })
}

/** The context, with an eye on what it is asked for. */
function seen(ctx: Context, { logger, happened }: Audience): Context {
  const calls: Readonly<Record<string, unknown>> = {
    log: logger,
    progress: (fraction: number, message?: string): void => {
      ctx.progress(fraction, message)
      happened({ kind: 'progress', fraction, message })
    },
    checkpoint: async (value: unknown): Promise<void> => {
      await ctx.checkpoint(value)
      happened({ kind: 'checkpoint', value })
    },
    enqueue: async (task: AnyTask, input: unknown, options: object = {}): Promise<unknown> => {
      // checked as it would be; held, since it may be of this task's own kind
      const child = await ctx.enqueue(task, input, { ...options, held: true })
      happened({ kind: 'enqueue', task: task.name, input, options })
      return child
    },
    transaction: refuseTransactions,
    within: refuseTransactions,
  }
  return new Proxy(ctx, {
    get: (target, name) =>
      typeof name === 'string' && Object.hasOwn(calls, name) ? calls[name] : memberOf(target, name),
  })
}

function memberOf(target: object, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name, target)
  return typeof member === 'function' ? (member.bind(target) as unknown) : member
}

function refuseTransactions(): never {
  throw new Error(
    'This handler works in transactions of its store, and a dry run has no store: try it in a test.',
  )
}
