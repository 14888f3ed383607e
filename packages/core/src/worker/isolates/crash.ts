/** A crash, as it is told and kept. */
import type { Ending } from '../../platform/vessel.ts'
import type { TaskError } from '../../store/records.ts'
import { CrashError } from '../../task/errors.ts'
import { messageOf } from '../../task/shown.ts'
import { plainError } from '../task-error.ts'

export interface CrashSite {
  readonly kind: 'thread' | 'process'
  /** Whether it ran nothing before. */
  readonly company: 'isolation' | 'company'
}

export function crashError({ kind, company }: CrashSite, ending: Ending): CrashError {
  const where = `The ${kind} that ran it${company === 'isolation' ? ' alone' : ''}`
  const peak = ending.peakMb === null ? '' : `; it took ${ending.peakMb} MiB at most`
  return new CrashError(`${where} ${howOf(ending)}${peak}.`, ending)
}

/** Its name says in short what happened, since histories show no more. */
export function crashRecord(error: CrashError, ending: Ending): TaskError {
  const cause = causeOf(ending)
  const peak = ending.peakMb === null ? '' : `, ${ending.peakMb} MiB`
  return { ...plainError(`CrashError (${cause}${peak})`, error.message), code: cause }
}

function howOf(ending: Ending): string {
  switch (ending.why) {
    case 'memory':
      return 'was ended, since it took more memory than it may'
    case 'signal':
      return `was ended by ${ending.signal}`
    case 'error':
      return `ended by an error that nobody caught: ${messageOf(ending.error)}`
    case 'exit':
      return `ended by itself, with exit code ${ending.exitCode}`
  }
}

function causeOf({ why, signal, exitCode }: Ending): string {
  if (why === 'memory') return 'out of memory'
  if (why === 'error') return 'uncaught error'
  return why === 'signal' ? String(signal) : `exit ${exitCode}`
}
