/** The answer to what is no call, and so is recorded nowhere: what is grave about it is said here. */
import type { Logger, Platform } from '@millrace/core'
import { problemAnswer } from './answers.ts'
import { newRequestId, REQUEST_ID_HEADER } from './visit.ts'

export interface LoggedProblemParts {
  readonly logger: Logger
  readonly platform: Platform
  /** The path that was asked for. */
  readonly instance: string
}

export function loggedProblem(error: unknown, { logger, platform, instance }: LoggedProblemParts): Response {
  const requestId = newRequestId(platform)
  const answer = problemAnswer(error, { instance, requestId })
  answer.headers.set(REQUEST_ID_HEADER, requestId)
  if (answer.status >= 500) {
    const data = { err: error, requestId }
    if (answer.status === 503) logger.warn(data, 'A request could not be answered.')
    else logger.error(data, 'A request could not be answered.')
  }
  return answer
}
