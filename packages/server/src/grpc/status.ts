/** Errors as statuses of gRPC, with what a client needs to make the same error of them again. */
import { Metadata, status } from '@grpc/grpc-js'
import { failureOf, INTERNAL, type Failure } from '../wire/failures.ts'
import { KINDS } from '../service/problem-kinds.ts'
import type { ErrorCode, Logger } from '@millrace/core'
import type { ServiceError } from '@grpc/grpc-js'

/** What an answer ends with when a call has failed. */
export type Refusal = Pick<ServiceError, 'code' | 'details' | 'metadata'>

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
  const code = failure === INTERNAL ? status.INTERNAL : status[KINDS[failure.code as ErrorCode].grpc]
  return { code, details: failure.message, metadata }
}
