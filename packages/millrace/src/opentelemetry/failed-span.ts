/** Says of a span that it failed, and why. */
import { SpanStatusCode, type Span } from '@opentelemetry/api'
import { ATTRIBUTE } from './attributes.ts'

export function failSpan(span: Span, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  span.recordException(error instanceof Error ? error : message)
  span.setStatus({ code: SpanStatusCode.ERROR, message })
  span.setAttribute(ATTRIBUTE.errorType, typeOf(error))
}

/** A code, which is one of few, before a name, which may be as long as one likes. */
function typeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '_OTHER'
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown }
  if (typeof code === 'string' && code !== '') return code
  return typeof name === 'string' && name !== '' ? name : '_OTHER'
}
