/** Whether an input fits the JSON Schema that a worker published, before anything is written. */
import { InvalidPayloadError, systemPlatform } from '@millrace/core'
import type { OutputUnit, Schema, Validator } from '@cfworker/json-schema'
import { loosened } from './loosened-schema.ts'

/** So much of what is wrong is told. */
const PROBLEMS_MAX = 3

/** A definition, and what it takes. */
export interface Published {
  readonly type: string
  /** JSON Schema as JSON; `null` if the library of the definition gives none. */
  readonly schema: string | null
}

/**
 * Checks an input as far as JSON Schema goes: the worker checks it by the schema itself.
 *
 * @param warn is told why a schema cannot be used, which is no reason to refuse an input
 * @throws InvalidPayloadError that says where and what, if the input does not fit
 */
export async function checkFit(
  input: unknown,
  { type, schema }: Published,
  warn: (message: string) => void,
): Promise<void> {
  if (schema === null) return
  let problems
  try {
    problems = await problemsOf(input, schema)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return warn(`The input is not checked: the schema of ${type} cannot be used: ${why}`)
  }
  if (problems.length === 0) return
  const told = problems.slice(0, PROBLEMS_MAX)
  throw new InvalidPayloadError(
    `The input of ${type} does not match its schema: ${told.map(({ place, message }) => `${place} ${message}`).join('; ')}.`,
    told.map(({ place, message }) => ({ path: place === WHOLE ? '' : place, message })),
    { hint: 'Nothing was written. With force it is taken all the same, for its worker to judge.' },
  )
}

interface Problem {
  /** Where in the input. */
  readonly place: string
  readonly message: string
}

const WHOLE = 'it'

/** What is made of a schema is kept; beyond this the oldest are made anew. */
const KEPT_MAX = 200
const KEPT = new Map<string, Validator>()
/** 256 KiB: in UTF-16 units. */
const SCHEMA_LENGTH_MAX = 262_144
/** A few lines of references can ask for more work than there is time, and nothing else is done meanwhile. */
const LOOK_MS_MAX = 100
/** So many parts may be looked at however long that takes: what is small is judged on a slow machine, too. */
const LOOKS_FREE = 20

/** How long the check lasts that is being made: it waits for nothing, so there is one at a time. */
const effort = { looks: 0, sinceMs: 0 }

function begin(): void {
  Object.assign(effort, { looks: 0, sinceMs: systemPlatform.monotonicMs() })
}

/** @throws Error once it has taken too long */
function look(): undefined {
  effort.looks += 1
  if (effort.looks <= LOOKS_FREE || systemPlatform.monotonicMs() - effort.sinceMs <= LOOK_MS_MAX)
    return undefined
  throw new Error(`it takes more than ${LOOK_MS_MAX} ms`)
}

async function problemsOf(input: unknown, schema: string): Promise<readonly Problem[]> {
  const validator = KEPT.get(schema) ?? (await validatorOf(schema))
  begin()
  // what is not there is kept as nothing
  const { valid, errors } = validator.validate(input ?? null)
  const told = valid ? [] : errors.filter(({ keyword }) => !OUTER.has(keyword)).map(problemOf)
  return valid || told.length > 0 ? told : [{ place: WHOLE, message: 'does not match' }]
}

/** Interpreted, and never compiled: no code is made of what somebody has published. */
async function validatorOf(text: string): Promise<Validator> {
  if (text.length > SCHEMA_LENGTH_MAX) throw new Error('it is too long')
  const schema: unknown = JSON.parse(text)
  if (typeof schema === 'object' && schema !== null && '$async' in schema)
    throw new Error('it is asynchronous')
  // Loaded here: most who import this need it never.
  const { Validator: Interpreter } = await import('@cfworker/json-schema')
  const validator = new Interpreter(loosened(schema, look) as Schema, '2020-12', false)
  const [oldest] = KEPT.keys()
  if (oldest !== undefined && KEPT.size >= KEPT_MAX) KEPT.delete(oldest)
  KEPT.set(text, validator)
  return validator
}

/** Keywords that only say that something inside does not match, which is told by itself. */
const OUTER: ReadonlySet<string> = new Set([
  '$ref',
  'properties',
  'items',
  'prefixItems',
  'allOf',
  'anyOf',
  'additionalProperties',
  'dependentSchemas',
  'then',
  'else',
])

/** The library's own words, as they would be said of a place. */
function problemOf({ instanceLocation, keyword, error }: OutputUnit): Problem {
  const place = instanceLocation === '#' ? WHOLE : pathOf(instanceLocation.slice(1))
  const [, expected] = /Expected "([^"]*)"\.$/.exec(error) ?? []
  if (keyword === 'type' && expected !== undefined) return { place, message: `must be ${expected}` }
  if (keyword === 'false') return { place, message: 'must not be there' }
  const [, required] = /required property "([^"]*)"/.exec(error) ?? []
  if (keyword === 'required' && required !== undefined)
    return { place, message: `must have the property ${JSON.stringify(required)}` }
  const [, choices] = /does not match any of \[(.*)\]\.$/s.exec(error) ?? []
  if (keyword === 'enum' && choices !== undefined)
    return { place, message: `must be one of ${choices.replaceAll(',"', ', "')}` }
  return { place, message: `is not as it must be: ${error.replace(/\.$/, '')}` }
}

/** `/a/0/b` as `a[0].b`. */
function pathOf(pointer: string): string {
  const steps = pointer.slice(1).split('/')
  const names = steps.map((step) => decodeURI(step).replaceAll('~1', '/').replaceAll('~0', '~'))
  return names.map((name, at) => (/^\d+$/.test(name) ? `[${name}]` : at === 0 ? name : `.${name}`)).join('')
}
