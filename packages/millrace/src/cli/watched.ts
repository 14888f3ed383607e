/** Which handlers run: a worker knows what became of its tasks, not whose code has come back. */
import { Handler, type Context, type TaskInfo } from '@millrace/core'

export interface Watched {
  readonly handlers: readonly Handler[]
  /** The calls that have not come back, and what they are for. */
  readonly open: ReadonlyMap<Context, TaskInfo>
}

/** The same handlers, with an account of their calls. */
export function watched(given: readonly Handler[]): Watched {
  const open = new Map<Context, TaskInfo>()
  const handlers = given.map((handler) => {
    const run = async (input: never, ctx: Context): Promise<unknown> => {
      open.set(ctx, ctx.task)
      try {
        return await handler.run(input, ctx as never)
      } finally {
        open.delete(ctx)
      }
    }
    return new Handler(handler.task, run, handler.options)
  })
  return { handlers, open }
}
