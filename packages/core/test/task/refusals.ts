/** What something throws, and tables of what is to be refused. */
import { inspect } from 'node:util'
import { MillraceError, type ErrorCode } from '../../src/task/errors.ts'

/** The error that `run` throws; it must be one of Millrace's, with this code. */
export function refusal(code: ErrorCode, run: () => unknown): MillraceError {
  try {
    run()
  } catch (error) {
    if (error instanceof MillraceError && error.code === code) return error
    throw error
  }
  throw new Error(`nothing was thrown, but ${code} was expected`)
}

/** A table of values, each beside a short name of it. */
export function named<T>(values: readonly T[]): [name: string, value: T][] {
  return values.map((value) => {
    const name = inspect(value, { breakLength: Infinity, maxStringLength: 30 })
    return [name.length > 60 ? `${name.slice(0, 60)}…` : name, value]
  })
}
