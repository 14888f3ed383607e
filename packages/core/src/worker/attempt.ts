/** One attempt: checks the input, calls the handler, and says how it ended. */
import { codeOf } from '../task/errors.ts'
import { limitKeyOf } from '../task/flow-options.ts'
import type { RetryScope } from '../task/control-flow.ts'
import { isThenable } from '../task/answer.ts'
import { durationMs } from '../task/duration.ts'
import type { AnyTask } from '../task/definition.ts'
import type { AnyHandler } from '../task/handler.ts'
import type { Outcome } from '../policy/outcome.ts'
import { plainError, taskError } from './task-error.ts'
import { currentInput, inputOf } from './input.ts'
import { RunContext, type ContextServices } from './context.ts'
import { transactionsOf } from '../client/guest.ts'
import { TransactionalRunContext } from './transactional-context.ts'
import { resultPayload } from './result.ts'
import type { Plugins } from '../client/plugins.ts'
import type { Run } from './run.ts'
import type { RunCall } from '../task/plugin.ts'
import type { Unit } from './batch.ts'
import type { Stretches } from '../platform/stretches.ts'
import type { TaskError, TaskId } from '../store/records.ts'

/** How an attempt ended, and what was thrown, for those who listen. */
export interface Attempted {
  readonly outcome: Outcome
  readonly error?: unknown
}

export interface AttemptServices extends ContextServices {
  /** The handler is called now. */
  started(run: Run): void
  /** Where it is to be found out who blocks the main thread. */
  readonly stretches: Stretches<Unit> | undefined
  /** What stands around handlers, if anything does. */
  readonly plugins: Pick<Plugins, 'running'> | undefined
}

/** Never rejects: whatever the handler does is an outcome. */
export async function attempt(run: Run, handler: AnyHandler, services: AttemptServices): Promise<Attempted> {
  const { task } = handler
  let input: unknown
  try {
    input = inputOf(run, task, services.connection)
    if (input instanceof Promise) input = await input
  } catch (error) {
    return unusable(error)
  }
  // while its input was gathered its time may have come
  if (run.aborted !== undefined)
    return { outcome: outcomeOfThrown(run, task, run.aborted), error: run.aborted }
  const transactions = transactionsOf(services.connection.store)
  if (transactions === undefined) {
    const context = new RunContext(run, services, task)
    return called(run, handler, { input, context, services })
  }
  const context = new TransactionalRunContext(run, services, { task, transactions })
  const attempted = await called(run, handler, { input, context, services })
  return context.concluded(attempted)
}

interface Calling {
  readonly input: unknown
  readonly context: RunContext
  readonly services: AttemptServices
}

async function called(
  run: Run,
  { task, run: handle }: AnyHandler,
  { input, context, services }: Calling,
): Promise<Attempted> {
  run.context = context
  try {
    services.started(run)
    const returned = isBare(services)
      ? handle(input as never, context as never)
      : surrounded(services, run, {
          call: { input, ctx: context },
          handle: () => handle(input as never, context as never),
        })
    const value: unknown = isThenable(returned) ? await returned : returned
    // what a transaction has ended is not looked at again
    if (run.ended) return { outcome: { kind: 'unfinished' } }
    return await outcomeOfResult(task, run.claim.id, value)
  } catch (error) {
    return { outcome: outcomeOfThrown(run, task, error), error }
  }
}

/** Whether nothing stands around handlers, as mostly. */
export function isBare({ stretches, plugins }: AttemptServices): boolean {
  return plugins === undefined && stretches?.isOn !== true
}

/** Calls a handler with what stands around it: the measuring of stretches, and plugins. */
export function surrounded(
  { stretches, plugins }: AttemptServices,
  run: Run,
  { call, handle }: { readonly call: RunCall; readonly handle: () => unknown },
): unknown {
  const measured = stretches?.isOn === true ? (): unknown => stretches.run(run, handle) : handle
  return plugins === undefined ? measured() : plugins.running(call, measured)
}

/** What cannot be an input will not get better. That the store could not be read is no fault of the task's: it goes back. */
export function unusable(error: unknown): Attempted {
  const code = codeOf(error) ?? ''
  if (code === 'closed' || code.startsWith('store-')) return { outcome: { kind: 'unfinished' }, error }
  return { outcome: { kind: 'invalid', error: taskError(error) }, error }
}

/** The outcome of an attempt that ran out of time. */
export function overtimeOutcome(run: Run, message: string): Outcome {
  if (run.outlived) return { kind: 'outlived', error: plainError('DeadlineError', message) }
  return { kind: 'failed', reason: 'timeout', error: plainError('TimeoutError', message) }
}

/** A result that is no JSON, too large, or not what its schema says will not get better by running again. */
export async function outcomeOfResult(task: AnyTask, id: TaskId, value: unknown): Promise<Attempted> {
  try {
    return { outcome: { kind: 'returned', result: await resultPayload(task, id, value) } }
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    return { outcome: { kind: 'invalid', error: taskError(error) }, error }
  }
}

export function outcomeOfThrown(run: Run, task: AnyTask, error: unknown): Outcome {
  try {
    return judged(run, task, error)
  } catch {
    // what was thrown cannot even be looked at
    return { kind: 'failed', reason: 'error', error: taskError(error) }
  }
}

function judged(run: Run, task: AnyTask, error: unknown): Outcome {
  if (run.aborted?.reason === 'cancel') return { kind: 'cancelled', error: null }
  if (run.aborted?.reason === 'shutdown') return { kind: 'unfinished' }
  if (run.outlived) return { kind: 'outlived', error: taskError(error) }
  const reason = run.aborted?.reason === 'timeout' ? 'timeout' : 'error'
  const failed = { kind: 'failed', reason, error: taskError(error) } as const
  switch (codeOf(error)) {
    case 'non-retryable':
      return { ...failed, delayMs: false }
    case 'retry-after':
      return { ...failed, delayMs: delayOf(error), ...shutBy(run, task, error) }
    case 'snooze':
      return { kind: 'snoozed', delayMs: delayOf(error) }
    default:
      return askedOutcome(run, task, { failed, error })
  }
}

/** What the user's own retry function says. If it fails itself, that is what the task's error shows, and the policy decides. */
function askedOutcome(
  run: Run,
  task: AnyTask,
  {
    failed,
    error,
  }: { readonly failed: Extract<Outcome, { readonly kind: 'failed' }>; readonly error: unknown },
): Outcome {
  if (run.claim.policy.retry.kind !== 'custom' || task.retryDelay === undefined) return failed
  try {
    const delay = task.retryDelay({ attempt: run.claim.counters.failures + 1, error })
    return {
      ...failed,
      delayMs: delay === false ? false : durationMs(delay, 'The answer of the retry function'),
    }
  } catch (thrown) {
    return { ...failed, error: taskError(thrown) }
  }
}

/** What a RetryAfterError wants to be left alone: the key that the task itself counts under. */
function shutBy(
  run: Run,
  task: AnyTask,
  error: unknown,
): Pick<Extract<Outcome, { kind: 'failed' }>, 'shut'> & { readonly error?: TaskError } {
  const { scope } = error as { readonly scope?: RetryScope | undefined }
  if (scope === undefined) return {}
  if (scope === 'queue') return { shut: { name: `queue:${run.claim.queue}`, key: '' } }
  if (scope === 'type') return { shut: { name: `type:${run.claim.type}`, key: '' } }
  try {
    return { shut: { name: scope.limit, key: limitKeyOf(task, scope.limit, currentInput(task, run.claim)) } }
  } catch (problem) {
    return { error: taskError(problem) }
  }
}

/** By code, not by class: the error may come from another copy of the library, or from somebody who imitates it. */
function delayOf(error: unknown): number {
  return durationMs((error as { readonly delayMs: number }).delayMs, 'The delay')
}
