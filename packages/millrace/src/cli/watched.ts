/** Which handlers run: a worker knows what became of its tasks, not whose code has come back. */
import type { BatchContext, Context, Handler, TaskInfo } from '@millrace/core'

export interface Watched {
  readonly handlers: readonly Handler[]
  /** The tasks of calls that have not come back. */
  readonly open: ReadonlyMap<Context, TaskInfo>
}

/** The same handlers, with an account of their calls. */
export function watched(given: readonly Handler[]): Watched {
  const open = new Map<Context, TaskInfo>()
  const handlers = given.map((handler) => {
    const run = async (input: never, ctx: Context | BatchContext): Promise<unknown> => {
      const contexts = 'items' in ctx ? ctx.items : [ctx]
      for (const context of contexts) open.set(context, context.task)
      try {
        return await handler.run(input, ctx as never)
      } finally {
        for (const context of contexts) open.delete(context)
      }
    }
    // whatever kind of handler it is
    return Object.create(handler, { run: { value: run } }) as Handler
  })
  return { handlers, open }
}
