// What flows from a definition to drafts, handlers and results.
import { expectTypeOf } from 'vitest'
import { z } from 'zod'
import { defineTask, type AnyTask, type InputArguments } from '../../src/task/definition.ts'
import type { Draft, EnqueueOptions } from '../../src/task/draft.ts'
import type { ChildHandle, Context, Handler } from '../../src/task/handler.ts'
import { unchecked, type InputOf, type OutputOf, type Schema } from '../../src/task/schema.ts'
import type { TaskId } from '../../src/store/records.ts'
import { arktypeLike, schema, valibotLike } from './schemas.ts'

/** As a client has it. */
declare function enqueue<D extends AnyTask>(
  task: D,
  ...input: InputArguments<D['~task']['input'], EnqueueOptions>
): D['~task']['result']
declare function enqueueMany<const Drafts extends readonly Draft[]>(
  drafts: Drafts,
): { [K in keyof Drafts]: Drafts[K] extends Draft<infer D> ? D['~task']['result'] : never }
declare const ctx: Context
declare const id: TaskId

const greet = defineTask('greet', { input: z.object({ name: z.string() }), output: z.string() })
const resize = defineTask('image.resize', {
  input: z.object({
    path: z.string(),
    width: z.string().transform(Number),
    at: z.iso.date().transform((at) => new Date(at)),
  }),
  output: z.object({ bytes: z.number(), took: z.string().transform(Number) }),
})
const plain = defineTask('plain', { input: unchecked<{ n: number }>(), output: unchecked<string>() })
const silent = defineTask('silent', { input: z.string() })
const tidy = defineTask('tidy', { input: z.object({ all: z.boolean() }).optional() })
const nothing = defineTask('nothing', { input: z.void(), output: z.void() })
const bytes = defineTask('bytes', { input: unchecked<Uint8Array>(), output: unchecked<Uint8Array>() })
const tasks = [greet, resize, plain, silent, tidy, nothing, bytes] as const

// ---- the four types

type ResizeInput = { path: string; width: string; at: string }
expectTypeOf(greet.name).toEqualTypeOf<'greet'>()
expectTypeOf(greet['~task'].input).toEqualTypeOf<{ name: string }>()
expectTypeOf(greet['~task'].result).toEqualTypeOf<string>()
expectTypeOf(resize['~task'].input).toEqualTypeOf<ResizeInput>()
expectTypeOf(resize['~task'].received).toEqualTypeOf<{ path: string; width: number; at: Date }>()
expectTypeOf(resize['~task'].returned).toEqualTypeOf<{ bytes: number; took: string }>()
expectTypeOf(resize['~task'].result).toEqualTypeOf<{ bytes: number; took: number }>()
expectTypeOf(plain['~task'].received).toEqualTypeOf<{ n: number }>()
expectTypeOf(plain['~task'].result).toEqualTypeOf<string>()
expectTypeOf(silent['~task'].returned).toEqualTypeOf<unknown>()
expectTypeOf(silent['~task'].result).toEqualTypeOf<unknown>()
expectTypeOf<InputOf<Schema<1, 2>>>().toEqualTypeOf<1>()
expectTypeOf<OutputOf<Schema<1, 2>>>().toEqualTypeOf<2>()
expectTypeOf(tasks).toExtend<readonly AnyTask[]>()

const likeValibot = defineTask('v', {
  input: valibotLike<{ n: string }, { n: number }>(),
  output: schema<string, Date>(),
})
expectTypeOf(likeValibot['~task'].received).toEqualTypeOf<{ n: number }>()
expectTypeOf(likeValibot['~task'].result).toEqualTypeOf<Date>()
const likeArktype = defineTask('a', { input: arktypeLike<{ n: string }, { n: number }>() })
expectTypeOf(likeArktype['~task'].input).toEqualTypeOf<{ n: string }>()

// ---- enqueue

expectTypeOf(enqueue(greet, { name: 'Ada' })).toEqualTypeOf<string>()
expectTypeOf(enqueue(silent, 'x')).toEqualTypeOf<unknown>()
enqueue(greet, { name: 'Ada' }, { delay: '1s' })
enqueue(greet, { name: 'Ada' }, undefined)
enqueue(resize, { path: '/', width: '100', at: '2026-01-01' })
enqueue(bytes, new Uint8Array(1))
enqueue(bytes, Buffer.from('a Buffer is a Uint8Array'))
enqueue(tidy)
enqueue(tidy, undefined, { priority: 'low' })
enqueue(tidy, { all: true })
enqueue(nothing)
// @ts-expect-error the input is needed
enqueue(greet)
// @ts-expect-error name is missing
enqueue(greet, {})
// @ts-expect-error name is no number
enqueue(greet, { name: 1 })
// @ts-expect-error nam is unknown
enqueue(greet, { name: 'Ada', nam: 'Ada' })
// @ts-expect-error what is passed is the schema's input: width is text
enqueue(resize, { path: '/', width: 100, at: '2026-01-01' })
// @ts-expect-error what is passed is the schema's input: at is text
enqueue(resize, { path: '/', width: '100', at: new Date(0) })
// @ts-expect-error the input of another task
enqueue(plain, { name: 'Ada' })
// @ts-expect-error a name is no task
enqueue('greet', { name: 'Ada' })
// @ts-expect-error null is not undefined
enqueue(tidy, null)
// @ts-expect-error the result is text
expectTypeOf(enqueue(greet, { name: 'Ada' })).toEqualTypeOf<number>()

// ---- drafts

const draft = greet.with({ name: 'Ada' }, { delay: '1m' })
expectTypeOf(draft).toEqualTypeOf<Draft<typeof greet>>()
expectTypeOf(draft.input).toEqualTypeOf<{ name: string }>()
expectTypeOf(enqueueMany([draft, plain.with({ n: 1 }), tidy.with()])).toEqualTypeOf<
  readonly [string, string, unknown]
>()
const drafts: Draft[] = [draft, plain.with({ n: 1 }), bytes.with(new Uint8Array())]
plain.with({ n: 1 }, { after: [draft, id, { task: draft, ifFailed: 'run' }, { task: id }, ...drafts] })
// @ts-expect-error n is no text
plain.with({ n: '1' })
// @ts-expect-error the input is needed
plain.with()
// @ts-expect-error there is no such policy
plain.with({ n: 1 }, { after: [{ task: draft, ifFailed: 'ignore' }] })
// @ts-expect-error a definition is no task to wait for
plain.with({ n: 1 }, { after: [greet] })
// @ts-expect-error a draft is of one task only
export const other: Draft<typeof plain> = draft

// ---- handlers

const handlers: Handler[] = [
  greet.handler(({ name }) => `Hello ${name}`),
  greet.handler(async ({ name }, { signal }) => (signal.aborted ? '' : `Hello ${name}`)),
  resize.handler(({ width, at }) => ({ bytes: width + at.getTime(), took: '1' })),
  silent.handler(() => {}),
  silent.handler(() => new Map()),
  tidy.handler((input) => input?.all),
  nothing.handler(() => {}),
  nothing.handler(async () => {}),
  plain.handler(({ n }) => String(n), { runIn: 'inline' }),
  plain.handler(() => 'x', { runIn: undefined }),
  plain.handler(() => 'x', { runIn: 'thread', heapMb: 256 }),
  plain.handler(() => 'x', { runIn: 'process', heapMb: 256, memoryMb: 512, env: ['API_KEY'] }),
  plain.handler((): PromiseLike<string> => Promise.resolve('x')),
]
expectTypeOf(handlers).toEqualTypeOf<Handler[]>()
expectTypeOf(greet.handler(() => '')).toEqualTypeOf<Handler<typeof greet>>()
// @ts-expect-error the result is text
greet.handler(() => 1)
// @ts-expect-error the result is text, also when it comes later
greet.handler(async () => 1)
// @ts-expect-error a result is needed
greet.handler(() => {})
// @ts-expect-error there is no member nam
greet.handler(({ nam }) => String(nam))
// @ts-expect-error what comes in is the schema's output: width is a number
resize.handler(({ width }: { width: string }) => ({ bytes: 1, took: width }))
// @ts-expect-error what is returned is the output schema's input: took is text
resize.handler(() => ({ bytes: 1, took: 1 }))
// @ts-expect-error bytes are returned
bytes.handler(() => 'text')
// @ts-expect-error there is no such place
plain.handler(() => 'x', { runIn: 'cloud' })
// @ts-expect-error inline it shares the heap of others
plain.handler(() => 'x', { heapMb: 256 })
// @ts-expect-error a thread shares its process's environment
plain.handler(() => 'x', { runIn: 'thread', env: ['API_KEY'] })
// @ts-expect-error a transaction is where the store's connection is
plain.handler<{ query(): void }>(() => 'x', { runIn: 'thread' })
// @ts-expect-error a handler takes two arguments
plain.handler((_input, _ctx, _more: number) => 'x')
// @ts-expect-error a function is no handler
export const loose: Handler = () => 1

// ---- what a handler is given

export async function inside(): Promise<void> {
  expectTypeOf(await ctx.results(greet)).toEqualTypeOf<string[]>()
  expectTypeOf(await ctx.results(resize)).toEqualTypeOf<{ bytes: number; took: number }[]>()
  expectTypeOf(await ctx.result(id)).toEqualTypeOf<unknown>()
  const child = await ctx.enqueue(greet, { name: 'Ada' }, { key: 'caption' })
  expectTypeOf(child).toEqualTypeOf<ChildHandle<typeof greet>>()
  await ctx.result(child)
  await ctx.enqueue(tidy)
  await ctx.enqueue(plain, { n: 1 }, { id })
  ctx.progress(0.5)
  ctx.log.info({ width: 1 }, 'half way')
  ctx.log.warn('careful')
  // @ts-expect-error name is no number
  await ctx.enqueue(greet, { name: 1 })
  // @ts-expect-error a key makes the id: one of them
  await ctx.enqueue(plain, { n: 1 }, { id, key: 'caption' })
  // @ts-expect-error a name is no definition
  await ctx.results('greet')
  // @ts-expect-error a fraction is no text
  ctx.progress('50 %')
  expectTypeOf(ctx).not.toHaveProperty('call') // a handler that waits for a task would hold its slot
  // @ts-expect-error the attempt is not for the handler to set
  ctx.attempt = 2
}

// ---- two copies of the library: types are compared by structure

interface OtherCopy {
  readonly '~task': (typeof greet)['~task']
  readonly name: 'greet'
  readonly input: Schema
  readonly output: Schema | undefined
  readonly options: AnyTask['options']
  readonly unique: undefined
  readonly retryDelay: undefined
}
declare const otherCopy: OtherCopy
expectTypeOf(enqueue(otherCopy, { name: 'Ada' })).toEqualTypeOf<string>()
