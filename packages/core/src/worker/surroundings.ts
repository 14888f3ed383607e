/** Calls handlers with what stands around them: the measuring of stretches, and plugins. Most are called without. */
import { inTheNameOf } from '../platform/attribution.ts'
import { inputOf } from './input.ts'
import { resultIn } from '../client/handle.ts'
import { outcomeOfThrown, unusable, type AttemptServices } from './attempt.ts'
import { RunContext } from './context.ts'
import type { AnyHandler } from '../task/handler.ts'
import type { IsolatedAttempt } from './isolates/isolate.ts'
import type { Run } from './run.ts'

/** What an isolate has to say of these is not for a plugin to change: they are no failures of the handler. */
const STANDS: ReadonlySet<string> = new Set(['crashed', 'unfinished', 'cancelled', 'invalid'])

/** Around a handler that runs elsewhere. Its input is checked here, too, for those who are to see it. */
export async function surroundedElsewhere(
  run: Run,
  { task }: AnyHandler,
  {
    services,
    attempt,
  }: { readonly services: AttemptServices; readonly attempt: () => Promise<IsolatedAttempt> },
): Promise<IsolatedAttempt> {
  const { plugins } = services
  if (plugins === undefined) return attempt()
  let input: unknown
  try {
    input = await inputOf(run, task, services.connection)
  } catch (error) {
    return { ...unusable(error), missed: null }
  }
  const ctx = new RunContext(run, services, task)
  run.context = ctx
  let attempted: IsolatedAttempt | undefined
  let thrown: unknown
  const handle = async (): Promise<unknown> => {
    attempted = await attempt()
    const { outcome, error } = attempted
    if (outcome.kind === 'returned') {
      const { id, type } = run.claim
      return resultIn({ result: outcome.result, type }, { id, codec: task.codec })
    }
    thrown = error ?? run.aborted ?? new Error(`The attempt has not come to its end: ${outcome.kind}.`)
    throw thrown
  }
  try {
    await inTheNameOf(run, () => plugins.running({ input, ctx }, handle))
    return attempted!
  } catch (error) {
    if (attempted !== undefined && (error === thrown || STANDS.has(attempted.outcome.kind))) return attempted
    return { outcome: outcomeOfThrown(run, task, error), error, missed: null }
  }
}
