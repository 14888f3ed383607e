/** How an error of Millrace crosses the wire: what of it is told, and how it becomes the same error again. */
import {
  AccessError,
  BackpressureError,
  ClosedError,
  codeOf,
  CycleError,
  InvalidArgumentError,
  MillraceError,
  NotFoundError,
  StoreError,
  TooLargeError,
  type ErrorCode,
  type StoreErrorCode,
} from '@millrace/core/store'

/** What is told of an error. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly hint: string | null
  readonly effect: StoreError['effect'] | null
}

/** The longest message or hint that is told, in UTF-16 units: what is longer is cut. */
const TEXT_MAX = 500

/** Errors of a store tell of hosts, files and statements: a caller hears what it means, the log has the rest. */
const STORE_TEXTS: Readonly<Record<StoreErrorCode, string>> = {
  'store-url': 'The store behind the server is not set up.',
  'store-unavailable': 'The store behind the server is not available.',
  'store-busy': 'The store behind the server is busy.',
  'store-full': 'The store behind the server is full.',
  'store-readonly': 'The store behind the server takes no changes.',
  'store-corrupt': 'The store behind the server is damaged.',
  'store-schema': 'The store behind the server has another schema than the server.',
}

const STORE_HINT = 'The log of the server says more.'

/** What is told of an error; `null`: it is none of Millrace, and nothing is told of it. */
export function failureOf(error: unknown): Failure | null {
  const code = codeOf(error)
  if (code === undefined) return null
  const { message, hint, effect } = error as MillraceError & { readonly effect?: StoreError['effect'] }
  if (isStoreCode(code))
    return { code, message: STORE_TEXTS[code], hint: STORE_HINT, effect: effect ?? 'unknown' }
  return { code, message: cut(message), hint: hint === undefined ? null : cut(hint), effect: null }
}

/** What is told of an error that is none of Millrace: nobody knows how far the call has come. */
export const INTERNAL: Failure = {
  code: 'store-unavailable',
  message: 'Something went wrong in the server.',
  hint: STORE_HINT,
  effect: 'unknown',
}

/** The error that a failure tells of; `undefined`: no version of Millrace that is known here has such errors. */
export function errorOf({ code, message, hint, effect }: Failure): MillraceError | undefined {
  const known = codeOf({ code })
  if (known === undefined) return undefined
  const details = { hint: hint ?? undefined }
  if (isStoreCode(known)) return new StoreError(known, message, { ...details, effect: effect ?? 'unknown' })
  switch (known) {
    case 'unauthenticated':
    case 'forbidden':
      return new AccessError(known, message, details)
    case 'invalid-argument':
      return new InvalidArgumentError(message, details)
    case 'too-large':
      return new TooLargeError(message, details)
    case 'cycle':
      return new CycleError(message, details)
    case 'not-found':
      return new NotFoundError(message, details)
    case 'backpressure':
      return new BackpressureError(message, details)
    case 'closed':
      return new ClosedError('The server')
    default:
      return new MillraceError(known, message, details)
  }
}

function isStoreCode(code: ErrorCode): code is StoreErrorCode {
  return code.startsWith('store-')
}

function cut(text: string): string {
  return (text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}…`).toWellFormed()
}
