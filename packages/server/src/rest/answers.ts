/** Answers: JSON, and problems as RFC 9457 has them. */
import { kindOf, problemOf, type ProblemText } from '../service/problems.ts'
import type { ProblemCode } from '../service/problem-kinds.ts'
import { RestError } from './refusals.ts'

const COMMON = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const

export function jsonAnswer(
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return textAnswer(jsonText(value), status, headers)
}

export function jsonText(value: unknown): string {
  return JSON.stringify(value)
}

/** An answer whose text is JSON already. */
export function textAnswer(
  text: string,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(text, {
    status,
    headers: { ...COMMON, 'content-type': 'application/json; charset=utf-8', ...headers },
  })
}

export interface ProblemPlace {
  /** The path that was asked for. */
  readonly instance: string
  /** Under which the log has it. */
  readonly requestId: string
}

/** The answer to whoever asked for what could not be done. */
export function problemAnswer(error: unknown, { instance, requestId }: ProblemPlace): Response {
  const text = textOf(error)
  const code = text.code as ProblemCode
  const { http } = kindOf(code)
  const { retryAfterMs, ...told } = text
  const body: Record<string, unknown> = {
    type: `urn:millrace:problem:${code}`,
    status: http,
    ...told,
    instance,
    ...(code === 'internal' && { requestId }),
  }
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

/** What a caller is told as the code of an error. */
export function codeFor(error: unknown): string {
  return textOf(error).code
}

function textOf(error: unknown): ProblemText {
  return error instanceof RestError ? restProblem(error) : problemOf(error)
}

function restProblem({ code, message, hint, retryAfterMs }: RestError): ProblemText {
  return { code, title: kindOf(code).title, detail: message, hint, retryAfterMs }
}
