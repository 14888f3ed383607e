/** The plugins of one client: around its enqueues and its handlers, told what its workers do, opened and closed once. */
import { codeOf, PluginError } from '../task/errors.ts'
import { currentOwner, inTheNameOf, type Owner } from '../platform/attribution.ts'
import { messageOf } from '../task/shown.ts'
import { checkMembers } from '../task/members.ts'
import { checkTask } from '../task/definition.ts'
import { isThenable } from '../task/answer.ts'
import { within } from '../worker/within.ts'
import { around } from './around.ts'
import { ENQUEUE_MEMBERS, type TaskDraft } from './specs.ts'
import type { Answer } from '../store/transactions.ts'
import type { BulkAnswer } from './enqueuer.ts'
import type { Logger } from '../task/logger.ts'
import type { Mill } from './mill.ts'
import type { NamedWorkerEvent } from '../worker/events.ts'
import type { Platform } from '../platform/platform.ts'
import type { Plugin, PluginDraft, RunCall } from '../task/plugin.ts'

/** How long closing one may take. */
const CLOSE_MS = 5_000

/** What a handler's plugin throws to say what is to become of the task. */
const CONTROL_FLOW: ReadonlySet<unknown> = new Set(['non-retryable', 'retry-after', 'snooze'])

export interface PluginsParts {
  readonly logger: Logger
  readonly platform: Platform
  readonly mill: Mill
}

export class Plugins {
  readonly #plugins: readonly Plugin[]
  readonly #parts: PluginsParts
  /** In whose name plugins are opened: what they then enqueue does not wait for that. */
  readonly #opener: Owner
  readonly #opened: Plugin[] = []
  #opening: Promise<void> | undefined

  constructor(plugins: readonly Plugin[], parts: PluginsParts) {
    this.#plugins = plugins
    this.#parts = parts
    this.#opener = {
      stray: (error) => parts.logger.error({ err: error }, 'nobody caught what a plugin caused in its open'),
    }
  }

  /** Tells those that listen what a worker does; `undefined` if none does. */
  get listener(): ((event: NamedWorkerEvent) => void) | undefined {
    const listening = this.#plugins.filter((plugin) => plugin.event !== undefined)
    if (listening.length === 0) return undefined
    return (event) => {
      for (const plugin of listening) this.#tell(plugin, event)
    }
  }

  /** Whether any stands around handlers. */
  get run(): boolean {
    return this.#plugins.some((plugin) => plugin.run !== undefined)
  }

  /**
   * Opens them, the first time.
   *
   * @throws PluginError, every time, if one could not be opened
   */
  ready(): Promise<void> {
    if (currentOwner() === this.#opener) return Promise.resolve()
    this.#opening ??= inTheNameOf(this.#opener, () => this.#open())
    return this.#opening
  }

  /** Closes those that were opened, the last one first. Never rejects. */
  async close(): Promise<void> {
    for (const plugin of this.#opened.toReversed()) {
      const closing = Promise.resolve()
        .then(() => plugin.close?.())
        .then(
          () => true,
          (error: unknown) => {
            this.#parts.logger.error({ err: failed(plugin, 'close', error) }, 'a plugin could not be closed')
            return true
          },
        )
      let closed = false
      const over = closing.then(() => void (closed = true))
      await within(this.#parts.platform, CLOSE_MS, [over])
      if (!closed)
        this.#parts.logger.warn({ plugin: plugin.name }, `a plugin was not closed within ${CLOSE_MS} ms`)
    }
  }

  /**
   * @param enqueue what they stand around, given what they made of the drafts
   * @throws PluginError, and what `enqueue` throws
   */
  enqueuing<T extends readonly BulkAnswer[]>(
    given: readonly TaskDraft[],
    work: 'synchronous' | 'asynchronous',
    enqueue: (drafts: readonly TaskDraft[]) => Answer<T>,
  ): Answer<T> {
    const drafts = given.map(({ task, input, options }): PluginDraft => {
      checkTask(task)
      checkMembers(options, ENQUEUE_MEMBERS, 'enqueue')
      return { task, input, options: { ...options } }
    })
    const changed = (): readonly TaskDraft[] =>
      given.map((draft, index) => {
        const { input, options } = drafts[index]!
        return { ...draft, input, options }
      })
    const inner = this.#plugins
      .filter((plugin) => plugin.enqueue !== undefined)
      .reduceRight<() => Answer<T>>(
        (proceed, plugin) => () =>
          around<T>({
            plugin: plugin.name,
            hook: (next) => plugin.enqueue!({ drafts: [...drafts] }, next),
            proceed: () => {
              checkDrafts(plugin, given, drafts)
              return proceed()
            },
            speaks: () => false,
            work,
          }),
        () => enqueue(changed()),
      )
    return inner()
  }

  /**
   * @param handle calls the handler
   * @throws PluginError, and what the handler throws
   */
  async running<T>(call: RunCall, handle: () => Answer<T>): Promise<T> {
    const inner = this.#plugins
      .filter((plugin) => plugin.run !== undefined)
      .reduceRight<() => Answer<T>>(
        (proceed, plugin) => () =>
          around<T>({
            plugin: plugin.name,
            hook: (next) => plugin.run!(call, () => quiet(async () => next())),
            proceed,
            speaks: (error) => CONTROL_FLOW.has(codeOf(error)),
            work: 'asynchronous',
          }),
        handle,
      )
    return inner()
  }

  async #open(): Promise<void> {
    for (const plugin of this.#plugins) {
      try {
        await plugin.open?.(this.#parts.mill)
      } catch (error) {
        throw failed(plugin, 'open', error)
      }
      this.#opened.push(plugin)
    }
  }

  #tell(plugin: Plugin, event: NamedWorkerEvent): void {
    const log = (error: unknown): void =>
      this.#parts.logger.error(
        { err: failed(plugin, 'event', error), event: event.name },
        'a plugin failed at what it heard',
      )
    try {
      const heard = plugin.event!(event)
      if (isThenable(heard)) heard.then(undefined, log)
    } catch (error) {
      log(error)
    }
  }
}

/** A plugin that does not wait for it hears nothing of it: whoever called the handler does. */
function quiet<T>(work: () => Promise<T>): Promise<T> {
  const answer = work()
  answer.catch(() => undefined)
  return answer
}

function failed({ name }: Plugin, hook: string, error: unknown): PluginError {
  return new PluginError(name, `failed in its ${hook}: ${messageOf(error)}`, { cause: error })
}

/** What tells tasks apart, and orders them, is known to the caller already. */
function checkDrafts({ name }: Plugin, given: readonly TaskDraft[], drafts: readonly PluginDraft[]): void {
  for (const [index, { task, input, options, payload }] of given.entries()) {
    const draft = drafts[index]!
    const { id, after } = (draft.options ?? {}) as Partial<PluginDraft['options']>
    let changed: string | undefined
    if (draft.task !== task) changed = 'task'
    else if (payload !== undefined && draft.input !== input) changed = 'input'
    else if (id !== options.id) changed = 'id'
    else if (after !== options.after) changed = 'after'
    if (changed === undefined) continue
    throw new PluginError(name, `changed the ${changed} of a draft of ${task.name}.`, {
      hint: 'It may change the input (where that is no result of another step) and all options but id and after.',
    })
  }
}
