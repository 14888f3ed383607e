/** On the main thread: what crossed from the store's thread, as errors of core's. */
import { InvalidArgumentError, StoreError, type StoreErrorCode } from '@millrace/core'
import type { Failure } from './wire.ts'

export function errorOf({ message, code, effect, hint, cause }: Failure): Error {
  const details = { hint, cause: cause === undefined ? undefined : new Error(cause) }
  if (code === 'invalid-argument') return new InvalidArgumentError(message, details)
  if (code !== null) return new StoreError(code as StoreErrorCode, message, { ...details, effect })
  return new Error(`The SQLite store failed: ${message}`)
}

export function notOpen(path: string): StoreError {
  return new StoreError('store-unavailable', `The store of ${path} is not open.`, {
    hint: 'Call open() first, and nothing after close().',
    effect: 'final',
  })
}

/** @param effect of the call that is told of it */
export function threadEnded(path: string, cause: unknown, effect: 'unknown' | 'none'): StoreError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new StoreError('store-unavailable', `The thread of ${path} has ended: ${message}.`, {
    hint: 'The store starts another one with its next call: repeat this one with the same ids.',
    cause,
    effect,
  })
}
