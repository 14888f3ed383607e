/** What is told of an error of a call, as a status of gRPC. The texts are those of REST. */
import { Metadata, status } from '@grpc/grpc-js'
import { kindOf, problemOf } from '../service/problems.ts'
import type { ProblemCode } from '../service/problem-kinds.ts'
import type { ServerParts } from '../parts.ts'
import type { CallRecord } from './call-record.ts'
import type { Refusal } from './status.ts'

/** Trailers are headers, which have their bounds. */
const ISSUES_MAX = 5
const TEXT_MAX = 500

/** The status and the trailers of an error. */
function callRefusal(error: unknown): Refusal {
  const { code, detail, hint, issues, retryAfterMs } = problemOf(error)
  const metadata = new Metadata()
  metadata.set('millrace-code', code)
  metadata.set('millrace-message', encoded(detail))
  if (hint !== undefined) metadata.set('millrace-hint', encoded(hint))
  if (issues !== undefined && issues.length > 0)
    metadata.set('millrace-issues', encodeURIComponent(JSON.stringify(issues.slice(0, ISSUES_MAX))))
  if (retryAfterMs !== undefined)
    metadata.set('millrace-retry-after-ms', String(Math.max(1, Math.ceil(retryAfterMs))))
  return { code: status[kindOf(code as ProblemCode).grpc], details: cut(detail), metadata }
}

/** The same, once for a call that has ended so: it is recorded, and a fault of ours does not go unheard. */
export function refusalOfEnded(
  error: unknown,
  record: CallRecord,
  { recorder, logger }: Pick<ServerParts, 'recorder' | 'logger'>,
): Refusal {
  const refusal = callRefusal(error)
  const [code] = refusal.metadata.get('millrace-code')
  if (recorder === undefined && code === 'internal') logger.error({ err: error }, 'a call has failed')
  record.ended({ status: refusal.code, code: String(code), error })
  return refusal
}

function encoded(text: string): string {
  return encodeURIComponent(cut(text))
}

function cut(text: string): string {
  return (text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}…`).toWellFormed()
}
