/** Schemas as other libraries shape them: the interface of Standard Schema, inside an object or on a function. */
import type { Schema } from '../../src/task/schema.ts'

/** The interface as standardschema.dev prints it, namespaces aside. */
interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly '~standard': StandardProps<Input, Output>
}

interface StandardProps<Input = unknown, Output = Input> {
  readonly version: 1
  readonly vendor: string
  readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
  readonly types?: { readonly input: Input; readonly output: Output } | undefined
}

type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: ReadonlyArray<{
        readonly message: string
        readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
      }>
    }

/** As valibot's: an object with more around it. */
export interface ValibotLike<Input, Output> extends StandardSchemaV1<Input, Output> {
  readonly kind: 'schema'
  readonly reference: (...args: never[]) => ValibotLike<unknown, unknown>
}

/** As arktype's: a function. */
export interface ArktypeLike<Input, Output> extends StandardSchemaV1<Input, Output> {
  (data: unknown): Output
  readonly infer: Output
  readonly inferIn: Input
}

/** A schema by its two types. */
export declare function schema<Input, Output = Input>(): Schema<Input, Output>
export declare function valibotLike<Input, Output = Input>(): ValibotLike<Input, Output>
export declare function arktypeLike<Input, Output = Input>(): ArktypeLike<Input, Output>
