/** What users put around enqueues and handlers: plugins, which others call middleware or hooks. */
import { InvalidArgumentError } from './errors.ts'
import { shown } from './shown.ts'
import { checkMembers, reading, type Members } from './members.ts'
import type { AnyTask } from './definition.ts'
import type { BatchContext } from './batch.ts'
import type { BulkAnswer } from '../client/enqueuer.ts'
import type { Context } from './handler.ts'
import type { EnqueueOptions } from './draft.ts'
import type { Mill } from '../client/mill.ts'
import type { NamedWorkerEvent } from '../worker/events.ts'

/** A task that is about to be enqueued. What is assigned here is what is enqueued; the caller's own objects stay as they are. */
export interface PluginDraft {
  readonly task: AnyTask
  /** Before its schema is asked. Of a step that takes another one's result it is `undefined`, and stays so. */
  input: unknown
  /** With the headers of the running task, inside a handler. `id` and `after` are the caller's to say. */
  options: EnqueueOptions
}

/** One call of enqueue: all of its drafts. */
export interface EnqueueCall {
  readonly drafts: readonly PluginDraft[]
}

/** One call of a handler; of a batch's handler where there are `items`: `'items' in call.ctx`. */
export type RunCall =
  | { readonly input: unknown; readonly ctx: Context }
  | { readonly input: readonly unknown[]; readonly ctx: BatchContext }

/** Answers a promise, but in a transaction on a synchronous connection. */
type Next<T> = () => T | Promise<T>

/**
 * What stands around enqueues and handlers, and hears of what workers do: any of these, in one object. Of several the
 * first is the outermost.
 *
 * `enqueue` and `run` call `next` exactly once and wait for it. What they return is not looked at; what they throw is
 * thrown in place of what they stand around: as a PluginError, but for what `next` threw, and in `run` for
 * NonRetryableError, RetryAfterError and SnoozeError.
 */
export interface Plugin {
  /** Tells it from others, in errors too. */
  readonly name: string
  /**
   * Around whatever this client enqueues, and its handlers do; not around runs of schedules, which the store makes, nor
   * around what is enqueued in a thread or process of `runIn`.
   *
   * @param next checks and enqueues the drafts, and answers what became of each, in their order
   */
  enqueue?(call: EnqueueCall, next: Next<readonly BulkAnswer[]>): unknown
  /**
   * Around each call of a handler by this client's workers, on their main thread: of one with `runIn` around all that
   * happens elsewhere. It counts towards the time limit of the attempt.
   *
   * @param next calls the handler, and answers what that returned
   */
  run?(call: RunCall, next: () => Promise<unknown>): unknown
  /** Hears what this client's workers emit, as `worker.on` does. What it throws is logged. */
  event?(event: NamedWorkerEvent): unknown
  /** Once, before anything is enqueued or run: waited for. What it throws is thrown by `connect`, `open`, `enqueue` and `worker.start`. */
  open?(mill: Mill): unknown
  /** Once, when the client closes and its workers have stopped: waited for, for 5 s at most. What it throws is logged. */
  close?(): unknown
}

const MEMBERS: Members<Plugin> = {
  name: true,
  enqueue: true,
  run: true,
  event: true,
  open: true,
  close: true,
}
const HOOKS = ['enqueue', 'run', 'event', 'open', 'close'] as const

/** @throws InvalidArgumentError */
export function checkedPlugins(plugins: readonly Plugin[]): readonly Plugin[] {
  const isList: boolean = Array.isArray(plugins)
  if (!isList) {
    throw new InvalidArgumentError(`plugins is ${shown(plugins)}, which is no list.`, {
      hint: 'Give a list, also for a single one: [plugin].',
    })
  }
  const names = new Set<string>()
  for (const [index, plugin] of plugins.entries()) {
    checkPlugin(plugin, `plugins[${index}]`)
    if (names.has(plugin.name)) {
      throw new InvalidArgumentError(`Two plugins are called ${shown(plugin.name)}.`, {
        hint: 'Give each a name of its own: errors tell them by it.',
      })
    }
    names.add(plugin.name)
  }
  return [...plugins]
}

function checkPlugin(plugin: unknown, what: string): void {
  if (typeof plugin !== 'object' || plugin === null || Array.isArray(plugin)) {
    const called = typeof plugin === 'function' ? ' If that is what makes it, call it.' : ''
    throw new InvalidArgumentError(`${what} is ${shown(plugin)}, which is no plugin.`, {
      hint: `A plugin is an object: { name: 'tracing', run: async ({ ctx }, next) => { await next() } }.${called}`,
    })
  }
  const { name } = plugin as Partial<Plugin>
  if (typeof name !== 'string' || name === '') {
    throw new InvalidArgumentError(`${what} has the name ${shown(name)}.`, {
      hint: "Give it one, for errors and logs: { name: 'tracing' }.",
    })
  }
  // an instance of a class has members of its own beside those that are ours
  if (Object.getPrototypeOf(plugin) === Object.prototype) checkMembers(plugin, MEMBERS, `the plugin ${name}`)
  const hooks = reading(`The plugin ${name}`, () =>
    HOOKS.map((hook) => [hook, (plugin as Partial<Plugin>)[hook] as unknown] as const),
  ).filter(([, value]) => value !== undefined)
  for (const [hook, value] of hooks) {
    if (typeof value === 'function') continue
    throw new InvalidArgumentError(
      `${hook} of the plugin ${name} is ${shown(value)}, which is no function.`,
      {
        hint: 'Leave it out where there is nothing to do.',
      },
    )
  }
  if (hooks.length > 0) return
  throw new InvalidArgumentError(`The plugin ${name} does nothing.`, {
    hint: `It has any of ${HOOKS.join(', ')}.`,
  })
}
