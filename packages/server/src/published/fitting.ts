/** Whether an input fits the JSON Schema that a worker published, before anything is written. */
import { InvalidPayloadError } from '@millrace/core'
import type { ErrorObject, ValidateFunction } from 'ajv'

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

async function problemsOf(input: unknown, schema: string): Promise<readonly Problem[]> {
  const fits = COMPILED.get(schema) ?? (await compiled(schema))
  return fits(input) ? [] : (fits.errors ?? []).map(problemOf)
}

/** Compiling takes a thousand times as long as checking; beyond this the oldest are made anew. */
const COMPILED_MAX = 200
const COMPILED = new Map<string, ValidateFunction>()

async function compiled(text: string): Promise<ValidateFunction> {
  const schema = JSON.parse(text) as object
  if ('$async' in schema) throw new Error('it is asynchronous')
  // Loaded here: most who import this need it never, and it is large.
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  // Formats are left to the worker: what they mean differs from library to library.
  const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false })
  const fits = ajv.compile(schema)
  const [oldest] = COMPILED.keys()
  if (oldest !== undefined && COMPILED.size >= COMPILED_MAX) COMPILED.delete(oldest)
  COMPILED.set(text, fits)
  return fits
}

function problemOf({ instancePath, keyword, message = keyword, params }: ErrorObject): Problem {
  const more = params as { readonly additionalProperty?: string; readonly allowedValues?: readonly unknown[] }
  const named =
    more.additionalProperty === undefined
      ? (more.allowedValues?.map((value) => JSON.stringify(value)).join(', ') ?? '')
      : JSON.stringify(more.additionalProperty)
  const place = instancePath === '' ? WHOLE : pathOf(instancePath)
  return { place, message: `${message}${named === '' ? '' : `: ${named}`}` }
}

/** `/a/0/b` as `a[0].b`, which is how the library says it. */
function pathOf(pointer: string): string {
  const steps = pointer.slice(1).split('/')
  const names = steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  return names.map((name, at) => (/^\d+$/.test(name) ? `[${name}]` : at === 0 ? name : `.${name}`)).join('')
}
