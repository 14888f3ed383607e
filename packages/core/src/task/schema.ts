/** Any Standard Schema (zod, valibot, arktype …) may describe a task's input and output. */
import { InvalidPayloadError, type PayloadIssue } from './errors.ts'
import { messageOf } from './shown.ts'

/**
 * The part of Standard Schema 1 (standardschema.dev) that Millrace uses, by structure.
 *
 * @typeParam Input what the schema takes: what is passed to enqueue, and stored
 * @typeParam Output what it makes of that: what the handler, or the reader of a result, gets
 */
export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
    /** Standard JSON Schema, where the library gives one. */
    readonly jsonSchema?:
      | { readonly input: (options: { readonly target: string }) => Record<string, unknown> }
      | undefined
  }
}

/** What a schema takes. */
export type InputOf<S extends Schema> = NonNullable<S['~standard']['types']>['input']

/** What a schema makes of it. */
export type OutputOf<S extends Schema> = NonNullable<S['~standard']['types']>['output']

/** A value, or what is wrong with it. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

/** One thing that a schema found wrong. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

const UNCHECKED = 'millrace-unchecked'

const uncheckedSchema: Schema<never> = {
  '~standard': { version: 1, vendor: UNCHECKED, validate: (value) => ({ value: value as never }) },
}

/** A schema that has a type and checks nothing: types without a library. What is stored must be JSON all the same. */
export function unchecked<T>(): Schema<T> {
  return uncheckedSchema as Schema<unknown> as Schema<T>
}

/** Whether a value is a Standard Schema; arktype's are functions. */
export function isSchema(value: unknown): value is Schema {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  const { '~standard': standard } = value as Partial<Schema>
  return typeof standard?.validate === 'function'
}

/**
 * What the schema makes of a value; a promise of it where the schema is asynchronous.
 *
 * @param what what the value is, for the error: `The input of image.thumbnail`
 * @throws InvalidPayloadError with the schema's issues, or with what the schema itself threw as its cause
 */
export function validate(schema: Schema | undefined, value: unknown, what: string): unknown {
  if (schema === undefined) return value
  const standard = schema['~standard']
  if (standard.vendor === UNCHECKED) return value
  let result
  try {
    result = standard.validate(value)
  } catch (error) {
    throw broken(error, what)
  }
  if (!('then' in result)) return accepted(result, what)
  return Promise.resolve(result).then(
    (settled) => accepted(settled, what),
    (error: unknown) => {
      throw broken(error, what)
    },
  )
}

/** JSON Schema of the input, as JSON; `null` where the library gives none, or has none for this type. */
export function jsonSchemaOf(schema: Schema): string | null {
  try {
    const made = schema['~standard'].jsonSchema?.input({ target: 'draft-2020-12' })
    return made === undefined ? null : JSON.stringify(made)
  } catch {
    return null // a library says so by throwing where a type (a Date, a transform) has no JSON Schema
  }
}

function accepted(result: SchemaResult<unknown>, what: string): unknown {
  if (result.issues === undefined) return result.value
  const issues = result.issues.map((issue): PayloadIssue => ({ message: issue.message, path: pathOf(issue) }))
  const [first] = issues
  const place = first === undefined || first.path === '' ? '' : `${first.path}: `
  const detail = first === undefined ? '.' : `: ${place}${first.message}`
  throw new InvalidPayloadError(`${what} does not match its schema${detail}`, issues, {
    hint: 'Change the value to what the schema takes, or the schema; `issues` lists all that is wrong.',
  })
}

function broken(cause: unknown, what: string): InvalidPayloadError {
  const issue = { path: '', message: messageOf(cause) }
  return new InvalidPayloadError(
    `${what} could not be checked, its schema threw: ${issue.message}`,
    [issue],
    { cause, hint: 'Mend the schema: one that refuses a value answers issues and does not throw.' },
  )
}

function pathOf(issue: SchemaIssue): string {
  let path = ''
  for (const step of issue.path ?? []) {
    const key = typeof step === 'object' ? step.key : step
    path += typeof key === 'number' ? `[${key}]` : `${path === '' ? '' : '.'}${String(key)}`
  }
  return path
}
