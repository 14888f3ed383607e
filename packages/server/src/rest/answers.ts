/** Answers: JSON, and problems as RFC 9457 has them. */
import type { Logger, Platform } from '@millrace/core'
import { kindOf, problemOf, type ProblemText } from '../service/problems.ts'
import type { ProblemCode } from '../service/problem-kinds.ts'
import { RestError } from './refusals.ts'

const COMMON = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const

export function jsonAnswer(
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { ...COMMON, 'content-type': 'application/json; charset=utf-8', ...headers },
  })
}

export interface ProblemParts {
  readonly logger: Logger
  readonly platform: Platform
  /** The path that was asked for. */
  readonly instance: string
}

/** The answer to whoever asked for what could not be done. */
export function problemAnswer(error: unknown, { logger, platform, instance }: ProblemParts): Response {
  const text = error instanceof RestError ? restProblem(error) : problemOf(error)
  const code = text.code as ProblemCode
  const { http } = kindOf(code)
  const { retryAfterMs, ...told } = text
  const body: Record<string, unknown> = {
    type: `urn:millrace:problem:${code}`,
    status: http,
    ...told,
    instance,
  }
  if (code === 'internal') {
    const id =
      platform.random32().toString(16).padStart(8, '0') + platform.random32().toString(16).padStart(8, '0')
    logger.error({ err: error, errorId: id }, 'a request failed')
    body['errorId'] = id
  } else if (http === 503) logger.warn({ err: error }, 'a request was refused')
  const headers: Record<string, string> = {
    ...COMMON,
    'content-type': 'application/problem+json; charset=utf-8',
  }
  if (retryAfterMs !== undefined)
    headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterMs / 1_000)))
  if (http === 401) headers['www-authenticate'] = 'Bearer'
  const own = error instanceof RestError ? error.headers : {}
  return new Response(JSON.stringify(body), { status: http, headers: { ...headers, ...own } })
}

function restProblem({ code, message, hint, retryAfterMs }: RestError): ProblemText {
  return { code, title: kindOf(code).title, detail: message, hint, retryAfterMs }
}
