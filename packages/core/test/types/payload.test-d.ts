// What may be a payload and a result, and what does not compile.
import { expectTypeOf } from 'vitest'
import { z } from 'zod'
import { defineTask, type TaskOptions } from '../../src/task/definition.ts'
import { unchecked, type Schema } from '../../src/task/schema.ts'
import { compressed, encrypted, json, richJson } from '../../src/index.ts'
import { arktypeLike, schema, valibotLike } from './schemas.ts'

const text = z.string()
const keys = { keys: { a: new Uint8Array(32) }, use: 'a' }

// ---- the input of a schema must not hold what JSON would change

// @ts-expect-error a Date as the whole: input is a Date, which JSON cannot carry …
defineTask('t', { input: z.date() })
// @ts-expect-error a Date inside: input.at is a Date …
defineTask('t', { input: z.object({ at: z.date() }) })
// @ts-expect-error a Date that may be left out
defineTask('t', { input: z.object({ at: z.date().optional() }) })
// @ts-expect-error a Date in an array: input.days[] is a Date
defineTask('t', { input: z.object({ days: z.array(z.date()) }) })
// @ts-expect-error a Date deep inside: input.a.b.c.d holds what JSON cannot carry
defineTask('t', { input: unchecked<{ a: { b: { c: { d: { e: { at: Date } } } } } }>() })
// @ts-expect-error a Date in one member of a union
defineTask('t', { input: z.union([z.object({ n: z.number() }), z.object({ at: z.date() })]) })
// @ts-expect-error a Date in a record
defineTask('t', { input: z.record(z.string(), z.date()) })
// @ts-expect-error a Date in a tuple
defineTask('t', { input: z.tuple([z.string(), z.date()]) })
// @ts-expect-error a Date under a number
defineTask('t', { input: unchecked<{ 1: Date }>() })
// @ts-expect-error a bigint
defineTask('t', { input: z.object({ n: z.bigint() }) })
// @ts-expect-error a Map
defineTask('t', { input: z.object({ m: z.map(z.string(), z.string()) }) })
// @ts-expect-error a Map as the whole
defineTask('t', { input: z.map(z.string(), z.string()) })
// @ts-expect-error a Set
defineTask('t', { input: z.object({ s: z.set(z.string()) }) })
// @ts-expect-error a symbol
defineTask('t', { input: z.object({ s: z.symbol() }) })
// @ts-expect-error a function
defineTask('t', { input: unchecked<{ done: () => void }>() })
// @ts-expect-error an object with a method
defineTask('t', { input: unchecked<URL>() })
// @ts-expect-error a promise
defineTask('t', { input: unchecked<{ later: Promise<string> }>() })
// @ts-expect-error bytes that are not the whole
defineTask('t', { input: z.object({ bytes: z.instanceof(Uint8Array) }) })
// @ts-expect-error bytes in an array
defineTask('t', { input: unchecked<Uint8Array[]>() })
// @ts-expect-error an ArrayBuffer as the whole: only a Uint8Array is carried
defineTask('t', { input: unchecked<ArrayBuffer>() })
// @ts-expect-error a Float64Array as the whole
defineTask('t', { input: unchecked<Float64Array>() })
// @ts-expect-error a Buffer as the whole: a plain Uint8Array would come back
defineTask('t', { input: unchecked<Buffer>() })
// @ts-expect-error a Date in a type that goes round in a circle
defineTask('t', { input: unchecked<Comment>() })
// @ts-expect-error a Date in a schema of valibot's shape
defineTask('t', { input: valibotLike<{ at: Date }>() })
// @ts-expect-error a Date in a schema of arktype's shape
defineTask('t', { input: arktypeLike<{ at: Date }>() })

interface Comment {
  readonly text: string
  readonly at: Date
  readonly answers: readonly Comment[]
}

// ---- nor must what a handler returns

// @ts-expect-error a Date as the result: output is a Date …
defineTask('t', { input: text, output: z.date() })
// @ts-expect-error a Map in the result
defineTask('t', { input: text, output: z.object({ m: z.map(z.string(), z.number()) }) })
// @ts-expect-error a bigint in the result
defineTask('t', { input: text, output: unchecked<{ n: bigint }>() })
// @ts-expect-error nested bytes in the result
defineTask('t', { input: text, output: unchecked<{ bytes: Uint8Array }>() })
// @ts-expect-error the schema takes a Date, though it makes text of it
defineTask('t', { input: text, output: schema<Date, string>() })

// ---- what is not a schema at all

// @ts-expect-error an input is needed
defineTask('t', {})
// @ts-expect-error a type is no schema
defineTask('t', { input: String })
// @ts-expect-error an example is no schema
defineTask('t', { input: { name: 'Ada' } })
// @ts-expect-error an output that is no schema
defineTask('t', { input: text, output: 'string' })

// ---- what JSON carries

defineTask('t', { input: z.object({ name: z.string(), n: z.number(), b: z.boolean(), nothing: z.null() }) })
defineTask('t', {
  input: z.object({ maybe: z.string().optional(), either: z.union([z.string(), z.number()]) }),
})
defineTask('t', { input: z.array(z.string()), output: z.tuple([z.string(), z.number().optional()]) })
defineTask('t', { input: z.enum(['a', 'b']), output: z.literal(1) })
defineTask('t', { input: z.string().brand('Path'), output: z.void() })
defineTask('t', { input: z.json(), output: z.json() })
defineTask('t', { input: z.unknown(), output: z.any() })
defineTask('t', { input: z.never(), output: z.undefined() })
defineTask('t', { input: z.string(), output: undefined })
defineTask('t', { input: unchecked<unknown>(), output: unchecked<Record<string, unknown>>() })
defineTask('t', { input: valibotLike<{ n: number }>(), output: arktypeLike<{ s: string }>() })

// the schema's input counts, not its output
defineTask('t', { input: z.object({ at: z.iso.datetime().transform((at) => new Date(at)) }) })
defineTask('t', { input: schema<string, Map<string, Date>>() })
defineTask('t', { input: z.codec(z.string(), z.bigint(), { decode: BigInt, encode: String }) })

// bytes as the whole
defineTask('t', { input: z.instanceof(Uint8Array), output: unchecked<Uint8Array>() })
defineTask('t', { input: unchecked<Uint8Array | string | undefined>() })

// types that go round in a circle, as interfaces, aliases and schemas
interface Tree {
  readonly name: string
  readonly children: readonly Tree[]
  readonly byName?: Record<string, Tree>
}
type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value }
type Mutual = { other: [Mutual | null, ...{ back: Mutual }[]] }
const category = z.object({
  name: z.string(),
  get children() {
    return z.array(category)
  },
})
defineTask('t', { input: unchecked<Tree>(), output: unchecked<Tree[]>() })
defineTask('t', { input: unchecked<Value>(), output: unchecked<Mutual>() })
defineTask('t', { input: category, output: category })

// it only looks like an error
defineTask('t', { input: unchecked<{ name: string; message: string; stack?: string }>() })

// branded objects: their symbol is for the compiler only
declare const brand: unique symbol
defineTask('t', { input: unchecked<{ id: string } & { readonly [brand]: 'order' }>() })

// a function of one's own that defines tasks takes the same options
export function defineOurs<const Name extends string, In extends Schema, Out extends Schema = Schema>(
  name: Name,
  options: TaskOptions<In, Out>,
) {
  return defineTask(`ours.${name}`, { ...options, queue: 'ours' })
}
const ours = defineOurs('t', { input: z.object({ n: z.string().transform(Number) }), output: z.string() })
expectTypeOf(ours.name).toEqualTypeOf<'ours.t'>()
expectTypeOf(ours['~task'].received).toEqualTypeOf<{ n: number }>()
// @ts-expect-error a Date, here too
defineOurs('t', { input: z.date() })

// ---- with a codec a task carries what that carries

const rich = defineTask('rich', { input: z.object({ at: z.date() }), codec: richJson })
expectTypeOf(rich['~task'].input).toEqualTypeOf<{ at: Date }>()
defineTask('t', { input: unchecked<Map<string, bigint>>(), codec: compressed(richJson) })
defineTask('t', { input: text, output: unchecked<Set<Date>>(), codec: encrypted(richJson, keys) })
defineTask('t', { input: text, codec: encrypted(compressed(json), keys) })
// @ts-expect-error JSON carries no Date, compressed or not
defineTask('t', { input: z.object({ at: z.date() }), codec: compressed(json) })
// @ts-expect-error nor in a result
defineTask('t', { input: text, output: z.date(), codec: encrypted(json, keys) })
// @ts-expect-error no codec
defineTask('t', { input: text, codec: 'rich-json' })

// ---- versions

defineTask('t', { input: text, version: 3, upcast: { 1: (old) => old, 2: (old: number) => String(old) } })
// @ts-expect-error no version
defineTask('t', { input: text, version: '2' })
// @ts-expect-error a step is a function
defineTask('t', { input: text, version: 2, upcast: { 1: 'old' } })
