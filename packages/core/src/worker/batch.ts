/** Claims that go into one call of a handler, and take one slot together. */
import { FencedError, InvalidPayloadError } from '../task/errors.ts'
import { isFailure, type BatchContext, type BatchHandler } from '../task/batch.ts'
import { isThenable } from '../task/answer.ts'
import { taskError } from './task-error.ts'
import {
  isBare,
  outcomeOfResult,
  outcomeOfThrown,
  surrounded,
  type Attempted,
  type AttemptServices,
} from './attempt.ts'
import { RunContext } from './context.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Context } from '../task/handler.ts'
import type { Run } from './run.ts'

/** A claim whose input is at hand. */
export interface BatchItem {
  readonly run: Run
  readonly input: unknown
}

export class Batch {
  readonly handler: BatchHandler
  readonly queue: string
  readonly items: readonly BatchItem[]

  constructor(handler: BatchHandler, queue: string, items: readonly BatchItem[]) {
    this.handler = handler
    this.queue = queue
    this.items = items
  }
}

/** What takes one slot. */
export type Unit = Run | Batch

export function runsOf(unit: Unit): readonly Run[] {
  return unit instanceof Batch ? unit.items.map(({ run }) => run) : [unit]
}

/**
 * One attempt of all of them. Never rejects: whatever the handler does is an outcome of each.
 *
 * @param items those that are still to be run
 */
export async function attemptBatch(
  items: readonly BatchItem[],
  { task, run: handle }: BatchHandler,
  services: AttemptServices,
): Promise<readonly Attempted[]> {
  try {
    for (const { run } of items) services.started(run)
    const context = new SharedContext(items, services, task)
    const inputs = items.map(({ input }) => input)
    const returned = isBare(services)
      ? handle(inputs as never, context as never)
      : surrounded(services, items[0]!.run, {
          call: { input: inputs, ctx: context },
          handle: () => handle(inputs as never, context as never),
        })
    const answers: unknown = isThenable(returned) ? await returned : returned
    if (Array.isArray(answers) && answers.length === items.length) {
      return await Promise.all(items.map(({ run }, index) => answered({ run, task }, answers[index])))
    }
    const error = misfit(task.name, { answers, items })
    return items.map(() => ({ outcome: { kind: 'invalid', error: taskError(error) }, error }))
  } catch (error) {
    return items.map(({ run }) => ({ outcome: outcomeOfThrown(run, task, error), error }))
  }
}

async function answered(
  { run, task }: { readonly run: Run; readonly task: BatchHandler['task'] },
  answer: unknown,
): Promise<Attempted> {
  try {
    if (isFailure(answer)) return { outcome: outcomeOfThrown(run, task, answer.reason), error: answer.reason }
    return await outcomeOfResult(task, run.claim.id, answer)
  } catch (error) {
    return { outcome: outcomeOfThrown(run, task, error), error }
  }
}

/** Which answer belongs to which task cannot be known, and what was done is done: running again would not help. */
function misfit(
  name: string,
  { answers, items }: { readonly answers: unknown; readonly items: readonly BatchItem[] },
): InvalidPayloadError {
  const what = Array.isArray(answers) ? `${answers.length} answers` : 'no list of answers'
  return new InvalidPayloadError(`The batch handler of ${name} gave ${what} for ${items.length} tasks.`, [], {
    hint: 'Answer one for each input, in their order; fail(…) for one that failed.',
  })
}

class SharedContext implements BatchContext {
  readonly items: readonly Context[]
  readonly #runs: readonly Run[]
  readonly #services: AttemptServices
  #controller: AbortController | undefined

  constructor(items: readonly BatchItem[], services: AttemptServices, task: AnyTask) {
    this.items = items.map(({ run }) => new RunContext(run, services, task))
    this.#runs = items.map(({ run }) => run)
    this.#services = services
  }

  /** Made when first asked for: many handlers never look at it. */
  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal
    const controller = (this.#controller = new AbortController())
    const look = (): void => {
      if (this.#runs.every(({ aborted }) => aborted !== undefined))
        controller.abort(this.#runs.at(-1)?.aborted)
    }
    for (const { signal } of this.#runs) signal.addEventListener('abort', look, { once: true })
    look()
    return controller.signal
  }

  throwIfLost(): void {
    this.#services.checkLease()
    const [first] = this.#runs
    if (first !== undefined && this.#runs.every(({ lost, ended }) => lost || ended))
      throw new FencedError(first.claim.id)
  }
}
