/** Errors as callers are told of them: stable codes, and what they are in HTTP and gRPC. */
import { codeOf, type ErrorCode, type MillraceError } from '@millrace/core'
import { z } from 'zod'
import { KINDS, type ProblemCode, type ProblemKind } from './problem-kinds.ts'
import { KeyReusedError, type Issue } from './errors.ts'

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
  return code !== undefined && KINDS[code].http !== 500 ? code : 'internal'
}

export function kindOf(code: ProblemCode): ProblemKind {
  return KINDS[code]
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
