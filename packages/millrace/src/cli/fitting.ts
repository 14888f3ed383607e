/** Whether an input fits the JSON Schema that a worker published, before anything is written. */
import type { ErrorObject } from 'ajv'
import { CliError, messageOf } from './failure.ts'

/** So much of what is wrong is told. */
const PROBLEMS_MAX = 3

export interface Published {
  readonly type: string
  /** JSON Schema as JSON; `null` if the library of the definition gives none. */
  readonly schema: string | null
}

/**
 * Checks an input as far as JSON Schema goes: the worker checks it by the schema itself.
 *
 * @param warn is told why a schema cannot be used, which is no reason to refuse an input
 * @throws CliError that says where and what, if the input does not fit
 */
export async function checkFit(
  input: unknown,
  { type, schema }: Published,
  warn: (message: string) => void,
): Promise<void> {
  if (schema === null) return
  let problems
  try {
    problems = await problemsOf(input, JSON.parse(schema) as object)
  } catch (error) {
    return warn(`The input is not checked: the schema of ${type} cannot be used: ${messageOf(error)}`)
  }
  if (problems.length === 0) return
  throw new CliError(
    'invalid-payload',
    `The input of ${type} does not match its schema: ${problems.slice(0, PROBLEMS_MAX).join('; ')}.`,
    'Nothing was written. --force takes it all the same, for its worker to judge.',
  )
}

async function problemsOf(input: unknown, schema: object): Promise<readonly string[]> {
  if ('$async' in schema) throw new Error('it is asynchronous')
  // Loaded here: no other verb needs it, and it is large.
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  // Formats are left to the worker: what they mean differs from library to library.
  const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false })
  const fits = ajv.compile(schema)
  return fits(input) ? [] : (fits.errors ?? []).map(problemOf)
}

function problemOf({ instancePath, keyword, message = keyword, params }: ErrorObject): string {
  const more = params as { readonly additionalProperty?: string; readonly allowedValues?: readonly unknown[] }
  const named =
    more.additionalProperty === undefined
      ? (more.allowedValues?.map((value) => JSON.stringify(value)).join(', ') ?? '')
      : JSON.stringify(more.additionalProperty)
  const place = instancePath === '' ? 'it' : pathOf(instancePath)
  return `${place} ${message}${named === '' ? '' : `: ${named}`}`
}

/** `/a/0/b` as `a[0].b`, which is how the library says it. */
function pathOf(pointer: string): string {
  const steps = pointer.slice(1).split('/')
  const names = steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  return names.map((name, at) => (/^\d+$/.test(name) ? `[${name}]` : at === 0 ? name : `.${name}`)).join('')
}
