/** Errors as callers are told of them: stable codes, and what they are in HTTP and gRPC. */
import { codeOf, type ErrorCode, type MillraceError } from '@millrace/core'
import { z } from 'zod'
import { KeyReusedError, type Issue } from './errors.ts'

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

/** Whatever is not listed is of no caller's making. */
export const PROBLEMS: Readonly<Partial<Record<ErrorCode, ProblemKind>>> &
  Readonly<Record<ServerCode, ProblemKind>> = {
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
  'store-full': { http: 503, grpc: 'UNAVAILABLE', title: 'The store is full' },
  'store-readonly': { http: 503, grpc: 'UNAVAILABLE', title: 'The store takes no changes' },
  'store-schema': { http: 503, grpc: 'UNAVAILABLE', title: 'The store is not ready' },
  'store-corrupt': { http: 503, grpc: 'UNAVAILABLE', title: 'The store is damaged' },
  ambiguous: { http: 503, grpc: 'UNAVAILABLE', title: 'It is not known whether it was done' },
  internal: { http: 500, grpc: 'INTERNAL', title: 'Something went wrong in the server' },
  'no-such-path': { http: 404, grpc: 'NOT_FOUND', title: 'There is nothing here' },
  'method-not-allowed': { http: 405, grpc: 'INVALID_ARGUMENT', title: 'This path has no such method' },
  'not-acceptable': { http: 406, grpc: 'INVALID_ARGUMENT', title: 'There is no answer of this type' },
  'body-too-large': { http: 413, grpc: 'RESOURCE_EXHAUSTED', title: 'The body is too large' },
  'unsupported-media-type': { http: 415, grpc: 'INVALID_ARGUMENT', title: 'The body is of another type' },
  'cross-site': { http: 403, grpc: 'PERMISSION_DENIED', title: 'Requests of other sites are refused' },
  host: { http: 421, grpc: 'PERMISSION_DENIED', title: 'This host is not served here' },
}

/** What a caller is told of an error. */
export const ProblemShape = z
  .strictObject({
    code: z.string().meta({ description: 'Stable, for programs.' }),
    title: z.string(),
    detail: z.string(),
    hint: z.string().optional().meta({ description: 'What can be done about it.' }),
    issues: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'What is wrong, and where.' }),
    retryAfterMs: z.number().optional(),
  })
  .meta({ id: 'Trouble' })

export type ProblemText = z.output<typeof ProblemShape>

/** The texts of these tell of the engine and where it is: what their titles say has to do. */
const HIDDEN: ReadonlySet<ErrorCode> = new Set([
  'store-unavailable',
  'store-busy',
  'store-full',
  'store-readonly',
  'store-schema',
  'store-corrupt',
  'store-url',
  'ambiguous',
  'plugin',
])

const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  ambiguous: 'Repeat it under the same id or idempotency key.',
}

/** When a store that is away is worth another try. */
const STORE_RETRY_MS = 2_000
/** Where only the end of something makes room, whenever that is. */
const ROOM_RETRY_MS = 1_000

/** Of which code an error is; what is none of ours, or of no caller's making, is internal. */
function problemCode(error: unknown): ProblemCode {
  if (error instanceof KeyReusedError) return error.code
  const code = codeOf(error)
  return code !== undefined && PROBLEMS[code] !== undefined ? code : 'internal'
}

export function kindOf(code: ProblemCode): ProblemKind {
  return PROBLEMS[code] ?? PROBLEMS.internal
}

/** What is told of an error. */
export function problemOf(error: unknown): ProblemText {
  const code = problemCode(error)
  const { title, http } = kindOf(code)
  if (code === 'internal') return { code, title, detail: `${title}.` }
  const { message, hint, issues, retryAfterMs } = error as MillraceError & Extra
  if (HIDDEN.has(code as ErrorCode))
    return { code, title, detail: `${title}.`, hint: HINTS[code as ErrorCode], retryAfterMs: STORE_RETRY_MS }
  const after = http === 429 ? (retryAfterMs ?? ROOM_RETRY_MS) : http === 503 ? STORE_RETRY_MS : undefined
  return {
    code,
    title,
    detail: message,
    hint,
    issues: issues?.map(({ path, message: text }) => ({ path, message: text })),
    retryAfterMs: after,
  }
}

interface Extra {
  readonly issues?: readonly Issue[]
  readonly retryAfterMs?: number | null
}
