/**
 * Spans by one name, wherever they stand in the document. In zod a name has one description, and each span its own; who
 * makes code of the document would get a type for each.
 */
import { z } from 'zod'
import { Span } from '../service/schemas/common.ts'

const { $schema: _, ...SPAN } = z.toJSONSchema(Span)
const FORM = JSON.stringify(SPAN.anyOf)

/** The document with a component `Span`. */
export function withSpanRefs<T extends { readonly components?: { readonly schemas?: object } }>(
  document: T,
): T {
  const { components = {}, ...rest } = referring(document) as T
  const schemas = { Span: SPAN, ...components.schemas }
  return { ...rest, components: { ...components, schemas } } as T
}

function referring(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(referring)
  if (typeof value !== 'object' || value === null) return value
  const { anyOf, ...rest } = value as { readonly anyOf?: unknown }
  if (JSON.stringify(anyOf) === FORM) return { $ref: '#/components/schemas/Span', ...rest }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, referring(member)]))
}
