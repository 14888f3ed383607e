/** What the service itself refuses, beside what core does. */
import { MillraceError, type ErrorCode } from '@millrace/core'
import type { z } from 'zod'

/** Something in an input that cannot be right. */
export interface Issue {
  /** Where, as `a.b[0]`; empty for the input as a whole. */
  readonly path: string
  readonly message: string
}

/** So much of what is wrong is told. */
const ISSUES_MAX = 20
/** A message may name all keys that are not known. */
const MESSAGE_MAX = 300

/** An input that is not what the call takes. Nothing was written. */
export class InvalidRequestError extends MillraceError {
  declare readonly code: 'invalid-argument'
  readonly issues: readonly Issue[]

  constructor(message: string, issues: readonly Issue[], hint?: string) {
    super('invalid-argument', message, { hint })
    this.issues = issues
  }
}

/** A key under which another request was made. Nothing was written. */
export class KeyReusedError extends Error {
  readonly code = 'idempotency-key-reused'
  readonly hint = 'Repeat a request as it was, or give another one a key of its own.'

  constructor(key: string) {
    super(`The idempotency key ${JSON.stringify(key)} was used for another request.`)
    this.name = 'KeyReusedError'
  }
}

/** The same error, of one of several items. */
export function errorAt(index: number, error: MillraceError): MillraceError {
  const code: ErrorCode = error.code
  return new MillraceError(code, `The task at index ${index}: ${error.message}`, {
    hint: error.hint,
    cause: error,
  })
}

/** What a schema found wrong. */
export function invalidInput({ issues }: z.ZodError): InvalidRequestError {
  const told = issues.slice(0, ISSUES_MAX).map(({ path, message }): Issue => {
    return { path: pathText(path), message: message.slice(0, MESSAGE_MAX) }
  })
  const [first] = told
  const where = first === undefined || first.path === '' ? '' : `${first.path}: `
  return new InvalidRequestError(`The request is not valid: ${where}${first?.message ?? ''}`, told)
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at === 0 ? '' : '.'}${String(step)}`))
    .join('')
    .slice(0, MESSAGE_MAX)
}
