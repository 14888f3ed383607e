/** What a handler is given. Made for each run; what is rarely used is made when first asked for. */
import { FencedError, InvalidArgumentError, NotFoundError } from '../task/errors.ts'
import { checkedTaskId, taskId } from '../task/ids.ts'
import { decode } from '../task/codec.ts'
import { decodeWith } from '../task/codecs/codec.ts'
import { heritageOf, inheriting } from '../task/current-task.ts'
import { keptText } from '../task/kept-text.ts'
import { resultIn, resultOf } from '../client/handle.ts'
import { keptValue } from './result.ts'
import type { AnyTask, InputArguments } from '../task/definition.ts'
import type { ChildHandle, ChildOptions, Context, TaskInfo } from '../task/handler.ts'
import type { Logger } from '../task/logger.ts'
import type { Connection } from '../client/connection.ts'
import type { Enqueuer } from '../client/enqueuer.ts'
import type { TaskDraft } from '../client/specs.ts'
import type { Fence, Payload, TaskId } from '../store/records.ts'
import { taskInfo } from './events.ts'
import { readOutcomes } from './outcomes.ts'
import { runLogger } from './run-logger.ts'
import type { Run } from './run.ts'

/** Longest message of a progress report, in characters. */
const MESSAGE_MAX = 1_000

/** What contexts need of a connection: in an isolate somebody else has it. */
export type Line = Pick<Connection, 'store' | 'platform' | 'logger' | 'read'>

/** Who enqueues what handlers want to. */
export interface ChildEnqueuer {
  one<D extends AnyTask>(draft: TaskDraft<D>, under: Fence): Promise<ChildHandle<D>>
  within: Enqueuer['within']
}

/** What contexts need of their worker. */
export interface ContextServices {
  readonly connection: Line
  readonly enqueuer: ChildEnqueuer
  /** Looks whether the lease can still be trusted, and lets go of everything under it if not. */
  checkLease(): void
  /** There is something to write about a run: at once, or with the next exchange. */
  settleSoon(run: Run, when: 'now' | 'later'): void
  /** A transaction of the user's has ended the task. */
  settledApart(run: Run): void
  /** Nobody can say what became of a run's outcome: it is not ours any more. */
  abandoned(run: Run): void
}

export class RunContext implements Context {
  protected readonly run: Run
  protected readonly services: ContextServices
  protected readonly definition: AnyTask
  #task: TaskInfo | undefined
  #log: Logger | undefined
  #children = 0

  constructor(run: Run, services: ContextServices, definition: AnyTask) {
    this.run = run
    this.services = services
    this.definition = definition
  }

  get task(): TaskInfo {
    return (this.#task ??= taskInfo(this.run.claim))
  }

  get attempt(): number {
    return this.run.claim.counters.failures + 1
  }

  get idempotencyKey(): string {
    return this.run.claim.id
  }

  get fence(): Fence {
    return this.run.fence
  }

  get signal(): AbortSignal {
    return this.run.signal
  }

  throwIfLost(): void {
    this.services.checkLease()
    // once its outcome is decided without it, nothing that the handler still writes counts either
    if (this.run.lost || this.run.ended) throw new FencedError(this.run.claim.id)
  }

  progress(fraction: number, message?: string): void {
    if (!(fraction >= 0 && fraction <= 1)) {
      throw new InvalidArgumentError(`The progress is ${fraction}.`, { hint: 'It is a number from 0 to 1.' })
    }
    this.run.note({ fraction, message: message === undefined ? null : keptText(message, MESSAGE_MAX) })
    this.services.settleSoon(this.run, 'later')
  }

  get log(): Logger {
    return (this.#log ??= runLogger(this.run, this.services))
  }

  async enqueue<D extends AnyTask>(
    task: D,
    ...[input, options]: InputArguments<D['~task']['input'], ChildOptions>
  ): Promise<ChildHandle<D>> {
    this.throwIfLost()
    return this.services.enqueuer.one(this.childDraft(task, input, options), this.run.fence)
  }

  /** Repeated by a later attempt under the same key it names the same task. */
  protected childDraft<D extends AnyTask>(
    task: D,
    input: unknown,
    options: ChildOptions | undefined,
  ): TaskDraft<D> {
    const { key = `${task.name}#${++this.#children}`, ...rest } = options ?? {}
    const { claim } = this.run
    const id = rest.id ?? taskId(claim.id, String(claim.counters.generation), key)
    return { task, input, options: inheriting({ ...rest, id }, heritageOf(claim.headers)) }
  }

  async results<D extends AnyTask>(task: D): Promise<D['~task']['result'][]> {
    const { after } = this.run.claim
    const results: D['~task']['result'][] = []
    for (const [index, outcome] of (await readOutcomes(this.services.connection, after)).entries()) {
      if (outcome?.type !== task.name || outcome.state !== 'succeeded') continue
      results.push(await resultOf({ task, id: after[index]! }, outcome))
    }
    return results
  }

  async result(parent: { readonly id: TaskId } | TaskId): Promise<unknown> {
    const id = checkedTaskId(typeof parent === 'string' ? parent : parent.id, 'The parent')
    if (!this.run.claim.after.includes(id)) {
      throw new NotFoundError(`Task ${this.run.claim.id} does not wait for ${id}.`, {
        hint: 'Results are at hand for the tasks named in `after`.',
      })
    }
    const [outcome] = await readOutcomes(this.services.connection, [id])
    if (outcome?.state !== 'succeeded') return undefined
    return resultIn(outcome, { id, codec: this.definition.codec })
  }

  checkpoint(value: unknown): Promise<void> {
    let payload: Payload
    try {
      this.throwIfLost()
      payload = keptValue(this.definition, { id: this.run.claim.id, what: 'checkpoint' }, value)
    } catch (error) {
      return Promise.reject(error as Error)
    }
    const written = this.run.checkpoint(payload)
    this.services.settleSoon(this.run, 'now')
    written.catch(() => undefined) // a handler that did not wait for it is told by its signal
    return written
  }

  get checkpointed(): unknown {
    const { checkpoint, id, type } = this.run.claim
    if (checkpoint === null) return undefined
    const { codec } = this.definition
    if (codec === undefined) return decode(checkpoint)
    return decodeWith(codec, checkpoint, { what: 'checkpoint', id, type, queue: null })
  }
}
