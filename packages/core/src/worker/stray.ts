/** Errors of a handler's that nobody caught. */
import { codeOf, UnhandledError } from '../task/errors.ts'
import { messageOf } from '../task/shown.ts'
import type { AnyTask } from '../task/definition.ts'
import { outcomeOfThrown, type Attempted } from './attempt.ts'
import type { Run } from './run.ts'

/** What an attempt fails with; a call of process.exit says so itself. */
export function strayError(thrown: unknown): unknown {
  return codeOf(thrown) === 'process-exit' ? thrown : new UnhandledError(messageOf(thrown), thrown)
}

export function failedAstray(run: Run, task: AnyTask, error: unknown): Attempted {
  return { outcome: outcomeOfThrown(run, task, error), error }
}
