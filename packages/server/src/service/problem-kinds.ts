/** What each code of an error is over each transport. */
import type { ErrorCode } from '@millrace/core'

/** What a code is called over each transport. */
export interface ProblemKind {
  readonly http: number
  readonly grpc: GrpcStatus
  readonly title: string
}

/** The names of gRPC's status codes that are used. */
export type GrpcStatus =
  | 'ABORTED'
  | 'ALREADY_EXISTS'
  | 'CANCELLED'
  | 'DATA_LOSS'
  | 'DEADLINE_EXCEEDED'
  | 'FAILED_PRECONDITION'
  | 'INTERNAL'
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAUTHENTICATED'
  | 'UNAVAILABLE'

/** Codes of the server's own, beside those of core. */
export type ServerCode =
  | 'internal'
  | 'idempotency-key-reused'
  | 'rate-limited'
  | 'no-such-path'
  | 'method-not-allowed'
  | 'not-acceptable'
  | 'body-too-large'
  | 'unsupported-media-type'
  | 'cross-site'
  | 'host'

export type ProblemCode = ErrorCode | ServerCode

/** All codes. What has the status 500 is of no caller's making: over REST, and as a call, it is told as `internal`. */
export const KINDS: Readonly<Record<ProblemCode, ProblemKind>> = {
  'invalid-argument': { http: 400, grpc: 'INVALID_ARGUMENT', title: 'The request is not valid' },
  'invalid-payload': { http: 422, grpc: 'INVALID_ARGUMENT', title: 'The input does not match its schema' },
  'too-large': { http: 422, grpc: 'INVALID_ARGUMENT', title: 'Something is beyond its limit' },
  cycle: { http: 422, grpc: 'INVALID_ARGUMENT', title: 'Tasks wait for each other in a circle' },
  'unknown-task': { http: 422, grpc: 'FAILED_PRECONDITION', title: 'No worker has published this task' },
  'unknown-parent': { http: 422, grpc: 'FAILED_PRECONDITION', title: 'A task to wait for is not there' },
  decryption: { http: 422, grpc: 'FAILED_PRECONDITION', title: 'What is kept cannot be read' },
  'not-found': { http: 404, grpc: 'NOT_FOUND', title: 'Not found' },
  conflict: { http: 409, grpc: 'ALREADY_EXISTS', title: 'It is taken by something else' },
  'idempotency-key-reused': {
    http: 422,
    grpc: 'ALREADY_EXISTS',
    title: 'The idempotency key was used for another request',
  },
  unique: { http: 409, grpc: 'ALREADY_EXISTS', title: 'The unique key is held' },
  backpressure: { http: 429, grpc: 'RESOURCE_EXHAUSTED', title: 'There is too much already' },
  'rate-limited': { http: 429, grpc: 'RESOURCE_EXHAUSTED', title: 'Too many requests' },
  unauthenticated: { http: 401, grpc: 'UNAUTHENTICATED', title: 'The credential is missing or not known' },
  forbidden: { http: 403, grpc: 'PERMISSION_DENIED', title: 'The credential may not do this' },
  closed: { http: 503, grpc: 'UNAVAILABLE', title: 'The server is closing' },
  'store-unavailable': { http: 503, grpc: 'UNAVAILABLE', title: 'The store is not available' },
  'store-busy': { http: 503, grpc: 'UNAVAILABLE', title: 'The store is busy' },
  'store-full': { http: 503, grpc: 'RESOURCE_EXHAUSTED', title: 'The store is full' },
  'store-readonly': { http: 503, grpc: 'FAILED_PRECONDITION', title: 'The store takes no changes' },
  'store-schema': { http: 503, grpc: 'FAILED_PRECONDITION', title: 'The store is not ready' },
  'store-corrupt': { http: 503, grpc: 'DATA_LOSS', title: 'The store is damaged' },
  ambiguous: { http: 503, grpc: 'UNAVAILABLE', title: 'It is not known whether it was done' },
  internal: { http: 500, grpc: 'INTERNAL', title: 'Something went wrong in the server' },
  'no-such-path': { http: 404, grpc: 'NOT_FOUND', title: 'There is nothing here' },
  'method-not-allowed': { http: 405, grpc: 'INVALID_ARGUMENT', title: 'This path has no such method' },
  'not-acceptable': { http: 406, grpc: 'INVALID_ARGUMENT', title: 'There is no answer of this type' },
  'body-too-large': { http: 413, grpc: 'RESOURCE_EXHAUSTED', title: 'The body is too large' },
  'unsupported-media-type': { http: 415, grpc: 'INVALID_ARGUMENT', title: 'The body is of another type' },
  'cross-site': { http: 403, grpc: 'PERMISSION_DENIED', title: 'Requests of other sites are refused' },
  host: { http: 421, grpc: 'PERMISSION_DENIED', title: 'This host is not served here' },
  // no caller of REST, nor of a call, is to meet these; clients of the store may
  fenced: ours('FAILED_PRECONDITION'),
  'task-failed': ours('FAILED_PRECONDITION'),
  'task-cancelled': ours('CANCELLED'),
  crashed: ours('FAILED_PRECONDITION'),
  unhandled: ours('FAILED_PRECONDITION'),
  'process-exit': ours('FAILED_PRECONDITION'),
  'wait-timeout': ours('DEADLINE_EXCEEDED'),
  'lock-held': ours('ABORTED'),
  timeout: ours('DEADLINE_EXCEEDED'),
  'store-url': ours('UNAVAILABLE'),
  stalled: ours('UNAVAILABLE'),
  plugin: ours('FAILED_PRECONDITION'),
  'non-retryable': ours('FAILED_PRECONDITION'),
  'retry-after': ours('FAILED_PRECONDITION'),
  snooze: ours('FAILED_PRECONDITION'),
}

function ours(grpc: GrpcStatus): ProblemKind {
  return { http: 500, grpc, title: 'Something went wrong in the server' }
}
