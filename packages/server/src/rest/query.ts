/** The query of a request as members of an input. */
import { InvalidRequestError } from '../service/errors.ts'
import type { QueryKind } from './routes.ts'

/** Parameters of one request. */
const PARAMETERS_MAX = 100
const NUMBER = /^-?\d{1,15}(\.\d{1,9})?$/
const MAP = /^(\w{1,40})\[(.{1,512})\]$/s

/** @throws InvalidRequestError */
export function queryInput(
  search: URLSearchParams,
  kinds: Readonly<Record<string, QueryKind>>,
): Readonly<Record<string, unknown>> {
  if (search.size > PARAMETERS_MAX) throw new InvalidRequestError('The query has too many parameters.', [])
  const input = new Map<string, unknown>()
  for (const [name, value] of search) {
    const [, base = name, key] = MAP.exec(name) ?? []
    const kind = Object.hasOwn(kinds, base) ? kinds[base] : undefined
    if (kind === undefined || (kind === 'map') !== (key !== undefined)) throw unknown(name, kinds)
    if (kind === 'list')
      input.set(base, [...((input.get(base) as string[] | undefined) ?? []), ...value.split(',')])
    else if (kind === 'map') entriesOf(input, base).set(key!, value)
    else if (input.has(name)) throw new InvalidRequestError(`The query has ${shown(name)} twice.`, [])
    else input.set(name, valueOf(value, kind))
  }
  return Object.fromEntries(
    [...input].map(([name, value]) => [name, value instanceof Map ? Object.fromEntries(value) : value]),
  )
}

function entriesOf(input: Map<string, unknown>, name: string): Map<string, string> {
  const entries = (input.get(name) as Map<string, string> | undefined) ?? new Map<string, string>()
  input.set(name, entries)
  return entries
}

/** What is no such value stays a text, which the schema of the call refuses. */
function valueOf(value: string, kind: QueryKind): unknown {
  if (kind === 'flag') return value === 'true' ? true : value === 'false' ? false : value
  const isNumber = (kind === 'number' || kind === 'span') && NUMBER.test(value)
  return isNumber ? Number(value) : value
}

function unknown(name: string, kinds: Readonly<Record<string, QueryKind>>): InvalidRequestError {
  const known = Object.entries(kinds).map(([one, kind]) => (kind === 'map' ? `${one}[NAME]` : one))
  return new InvalidRequestError(
    `The query has ${shown(name)}, which is not known here.`,
    [],
    known.length === 0 ? 'There is nothing to say in the query.' : `It can have ${known.join(', ')}.`,
  )
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 80))
}
