/** Answers as clients are to read them: with room for what a later server may add. */

type Json = Readonly<Record<string, unknown>>

const REF = '#/components/schemas/'

/**
 * The document, where nothing that only answers are made of forbids members that it does not name. What is sent to the
 * server stays closed: there a name that is not known is a slip.
 */
export function withOpenAnswers<T extends object>(document: T): T {
  const { paths = {}, components = {} } = document as { paths?: Json; components?: { schemas?: Json } }
  const { schemas = {} } = components
  const operations = Object.values(paths).flatMap((path) => Object.values(path as Json)) as readonly Json[]
  const sent = namesIn(
    operations.map(({ requestBody, parameters }) => [requestBody, parameters]),
    schemas,
  )
  const opened = Object.entries(schemas).map(([name, schema]) => [
    name,
    sent.has(name) ? schema : open(schema),
  ])
  const answering = Object.entries(paths).map(([path, item]) => [path, withOpenResponses(item as Json)])
  return {
    ...document,
    paths: Object.fromEntries(answering) as Json,
    components: { ...components, schemas: Object.fromEntries(opened) as Json },
  }
}

function withOpenResponses(item: Json): Json {
  return Object.fromEntries(
    Object.entries(item as Readonly<Record<string, Json>>).map(([method, operation]) => [
      method,
      { ...operation, responses: open(operation['responses']) },
    ]),
  )
}

/** The names of all schemas that something refers to, directly or by others. */
function namesIn(value: unknown, schemas: Json, names: Set<string> = new Set()): ReadonlySet<string> {
  if (typeof value !== 'object' || value === null) return names
  for (const [key, member] of Object.entries(value)) {
    const name = key === '$ref' && typeof member === 'string' ? member.slice(REF.length) : undefined
    if (name === undefined) namesIn(member, schemas, names)
    else if (!names.has(name)) namesIn(schemas[name], schemas, names.add(name))
  }
  return names
}

/** A schema without `additionalProperties: false`, inside as well. */
function open(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(open)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(
    ([key, member]) => !(key === 'additionalProperties' && member === false),
  )
  return Object.fromEntries(members.map(([key, member]) => [key, open(member)]))
}
