/** The running task, for code that is not handed its context: loggers, tracing, helpers deep below a handler. */
import { currentOwner } from '../platform/attribution.ts'
import { SCHEDULE_HEADER } from './scheduled.ts'
import type { Context } from './handler.ts'

/**
 * The context of the task whose handler this call is made by, however deep and however late. `undefined` outside of
 * handlers, and in those of batches: there `ctx.items` are the contexts.
 */
export function currentTask(): Context | undefined {
  return currentOwner()?.context as Context | undefined
}

type Headers = Readonly<Record<string, string>>

/** What a task hands on to those that are enqueued in its name; `undefined`: nothing. That it is a run of a schedule is its own. */
export function heritageOf(headers: Headers): Headers | undefined {
  let heritage: Record<string, string> | undefined
  for (const name in headers) if (name !== SCHEDULE_HEADER) (heritage ??= {})[name] = headers[name]!
  return heritage
}

/** What the running task hands on. */
export function currentHeritage(): Headers | undefined {
  const task = currentTask()
  return task === undefined ? undefined : heritageOf(task.task.headers)
}

/** Options with the headers of the task in whose name they are given; its own go first. What are no headers is refused later. */
export function inheriting<Options extends { readonly headers?: Headers | undefined }>(
  options: Options,
  heritage: Headers | undefined,
): Options {
  if (heritage === undefined) return options
  const { headers } = options
  if (headers === undefined) return { ...options, headers: heritage }
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return options
  return { ...options, headers: { ...heritage, ...headers } }
}
