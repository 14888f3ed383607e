/** What REST itself refuses, before any call is made. */
import type { ServerCode } from '../service/problem-kinds.ts'

/** An answer that is no error of Millrace. */
export class RestError extends Error {
  readonly code: Exclude<ServerCode, 'internal'>
  readonly hint: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly retryAfterMs: number | undefined

  constructor(
    code: RestError['code'],
    message: string,
    more: {
      readonly hint?: string | undefined
      readonly headers?: Readonly<Record<string, string>> | undefined
      readonly retryAfterMs?: number | undefined
    } = {},
  ) {
    super(message)
    this.name = 'RestError'
    this.code = code
    this.hint = more.hint
    this.headers = more.headers ?? {}
    this.retryAfterMs = more.retryAfterMs
  }
}
