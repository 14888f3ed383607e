/** A line of the log for each call that did not succeed. */
import type { Logger } from '@millrace/core'

/** A call that has ended. Neither its path nor its headers: they may hold what is not for a log. */
export interface EndedCall {
  /** The same as in the answer, so that who complains can be found. */
  readonly callId: string
  readonly transport: 'rest' | 'grpc'
  /** `POST`, or of gRPC the method. */
  readonly method: string
  /** The template, as in `/v1/tasks/{id}`; `null`: there is none for it. */
  readonly route: string | null
  /** Of HTTP, or of gRPC. */
  readonly status: number
  /** The code of the error; `abandoned`: the caller has left; `null`: it succeeded. */
  readonly code: string | null
  readonly durationMs: number
  /** The name of the credential; `null`: it was not let in. */
  readonly caller: string | null
  readonly err?: unknown
}

/** What is nobody's fault but ours, or the store's. */
const GRAVE: ReadonlySet<string> = new Set([
  'internal',
  'ambiguous',
  'store-corrupt',
  'store-schema',
  'store-readonly',
])

/** Failures are warnings, or errors where they are ours; refusals are information; what succeeded is for debugging. */
export function logCall(logger: Logger, { err, ...call }: EndedCall): void {
  const data = { ...call, durationMs: Math.round(call.durationMs * 10) / 10 }
  if (call.code === null) return logger.debug(data, 'A call was answered.')
  if (call.code === 'abandoned') return logger.debug(data, 'Nobody waited for the answer of a call any more.')
  if (GRAVE.has(call.code)) return logger.error({ ...data, err }, 'A call has failed.')
  if (call.code.startsWith('store-')) return logger.warn({ ...data, err }, 'A call has failed.')
  logger.info(data, 'A call was refused.')
}
