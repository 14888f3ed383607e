/** Errors as statuses of gRPC, with what a client needs to make the same error of them again. */
import { Metadata, status } from '@grpc/grpc-js'
import { failureOf, INTERNAL, type Failure } from '../wire/failures.ts'
import type { ErrorCode, Logger } from '@millrace/core'
import type { ServiceError } from '@grpc/grpc-js'

/** What an answer ends with when a call has failed. */
export type Refusal = Pick<ServiceError, 'code' | 'details' | 'metadata'>

const STATUS: Readonly<Record<ErrorCode, status>> = {
  'invalid-argument': status.INVALID_ARGUMENT,
  'invalid-payload': status.INVALID_ARGUMENT,
  'too-large': status.INVALID_ARGUMENT,
  cycle: status.INVALID_ARGUMENT,
  decryption: status.FAILED_PRECONDITION,
  'unknown-task': status.NOT_FOUND,
  'not-found': status.NOT_FOUND,
  conflict: status.ALREADY_EXISTS,
  unique: status.ALREADY_EXISTS,
  'unknown-parent': status.FAILED_PRECONDITION,
  fenced: status.FAILED_PRECONDITION,
  backpressure: status.RESOURCE_EXHAUSTED,
  'task-failed': status.FAILED_PRECONDITION,
  'task-cancelled': status.CANCELLED,
  crashed: status.FAILED_PRECONDITION,
  unhandled: status.FAILED_PRECONDITION,
  'process-exit': status.FAILED_PRECONDITION,
  'wait-timeout': status.DEADLINE_EXCEEDED,
  'lock-held': status.ABORTED,
  timeout: status.DEADLINE_EXCEEDED,
  closed: status.UNAVAILABLE,
  ambiguous: status.UNAVAILABLE,
  'store-url': status.UNAVAILABLE,
  'store-unavailable': status.UNAVAILABLE,
  'store-busy': status.UNAVAILABLE,
  'store-full': status.RESOURCE_EXHAUSTED,
  'store-readonly': status.FAILED_PRECONDITION,
  'store-corrupt': status.DATA_LOSS,
  'store-schema': status.FAILED_PRECONDITION,
  stalled: status.UNAVAILABLE,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  plugin: status.FAILED_PRECONDITION,
  'non-retryable': status.FAILED_PRECONDITION,
  'retry-after': status.FAILED_PRECONDITION,
  snooze: status.FAILED_PRECONDITION,
}

/** What is told of any error. What is none of Millrace's, or the store's, is logged: the caller hears little of it. */
export function toldOf(error: unknown, { logger, call }: { logger: Logger; call: string }): Failure {
  const failure = failureOf(error)
  if (failure === null) logger.error({ err: error, call }, 'a call has failed')
  else if (failure.effect !== null && failure.code !== 'store-busy')
    logger.warn({ err: error, call }, 'the store has failed a call')
  return failure ?? INTERNAL
}

/** The status and the trailers of a failure. */
export function refusalOf(failure: Failure): Refusal {
  const metadata = new Metadata()
  metadata.set('millrace-code', failure.code)
  metadata.set('millrace-message', encodeURIComponent(failure.message))
  if (failure.hint !== null) metadata.set('millrace-hint', encodeURIComponent(failure.hint))
  if (failure.effect !== null) metadata.set('millrace-effect', failure.effect)
  const code = failure === INTERNAL ? status.INTERNAL : STATUS[failure.code as ErrorCode]
  return { code, details: failure.message, metadata }
}
