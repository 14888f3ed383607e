import {
  chain,
  chord,
  defineTask,
  fail,
  group,
  unchecked,
  type EnqueuedHandle,
  type Context,
  type Mill,
} from '../../src/index.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function is<T extends true>(): T

const download = defineTask('download', {
  input: unchecked<{ url: string }>(),
  output: unchecked<{ path: string }>(),
})
const resize = defineTask('resize', {
  input: unchecked<{ path: string; width?: number }>(),
  output: unchecked<number>(),
})
const upload = defineTask('upload', { input: unchecked<number>(), output: unchecked<string>() })
const sum = defineTask('sum', { input: unchecked<readonly number[]>(), output: unchecked<number>() })
const pair = defineTask('pair', { input: unchecked<[number, string]>(), output: unchecked<boolean>() })
const quiet = defineTask('quiet', { input: unchecked<undefined>() })
const part = defineTask('part', { input: unchecked<number>(), output: unchecked<number>() })

declare const mill: Mill

// the result of one is the input of the next
const flow = chain(download.with({ url: 'x' }), resize, upload)
const handles = await mill.enqueueFlow(flow)
is<Same<typeof handles.last, EnqueuedHandle<typeof upload>>>()
is<Same<(typeof handles.steps)[0], EnqueuedHandle<typeof download>>>()
is<Same<(typeof handles.steps)[1], EnqueuedHandle<typeof resize>>>()
const text: string = await handles.last.result({ within: '1s' })
void text

// @ts-expect-error -- upload takes a number, download gives a path
chain(download.with({ url: 'x' }), upload)
// @ts-expect-error -- quiet says nothing of its result
chain(quiet.with(), upload)
// @ts-expect-error -- further back, too
chain(download.with({ url: 'x' }), resize, upload, part)
// @ts-expect-error -- a text is no step
chain(download.with({ url: 'x' }), 'resize')
// a draft has an input of its own, and takes nothing
chain(quiet.with(), part.with(1), upload)

// what begins a flow needs an input
// @ts-expect-error -- resize has none
await mill.enqueueFlow(chain(resize, upload))
// @ts-expect-error -- nor has one of these
await mill.enqueueFlow(group([part, download.with({ url: 'x' })]))

// a chord gives the results in their order
const joined = chord([part.with(1), part.with(2)], sum)
const joinedHandles = await mill.enqueueFlow(joined)
is<Same<typeof joinedHandles.last, EnqueuedHandle<typeof sum>>>()
is<Same<(typeof joinedHandles.steps)[0][1], EnqueuedHandle<typeof part>>>()
chord([part.with(1), upload.with(2)], pair)
// @ts-expect-error -- the other way round
chord([upload.with(2), part.with(1)], pair)
// @ts-expect-error -- one too many
chord([part.with(1), upload.with(2), part.with(3)], pair)
// also where nobody knows how many there are
const parts = [1, 2, 3].map((n) => part.with(n))
chord(parts, sum)
chain(group(parts), sum, upload)
// @ts-expect-error -- a list of numbers is no number
chain(group(parts), upload)

// nested
const nested = chain(download.with({ url: 'x' }), group([resize, chain(resize, part)]), sum)
const nestedHandles = await mill.enqueueFlow(nested)
is<Same<(typeof nestedHandles.steps)[1][1][1], EnqueuedHandle<typeof part>>>()
// @ts-expect-error -- all of a group take what comes before
chain(download.with({ url: 'x' }), group([resize, upload]), sum)

// callbacks are drafts
const told = await mill.enqueueFlow(
  group([part.with(1)], { onSucceeded: upload.with(1), onEnded: quiet.with(), onFailed: quiet.with() }),
)
is<Same<typeof told.last, [EnqueuedHandle<typeof part>]>>()
// @ts-expect-error -- quiet is no draft
group([part.with(1)], { onEnded: quiet })
// @ts-expect-error -- there is no such callback
group([part.with(1)], { onDone: quiet.with() })
// @ts-expect-error -- it is no flow
await mill.enqueueFlow(part.with(1))

part.with(1, { after: [{ task: part.with(2), ifFailed: 'trigger' }] })

// batches
part.batch({ size: 10, linger: '20ms', by: (n) => n % 2 }, (items, ctx) => {
  is<Same<typeof items, readonly number[]>>()
  is<Same<typeof ctx.items, readonly Context[]>>()
  return items.map((n) => (n > 0 ? n : fail('negative')))
})
resize.batch({ size: 1 }, async (items) => items.map(({ path }) => path.length))
// @ts-expect-error -- an answer that is no result
part.batch({ size: 10 }, (items) => items.map(String))
// @ts-expect-error -- no list
part.batch({ size: 10 }, (items) => items[0])
// @ts-expect-error -- no size
part.batch({}, (items) => [...items])
// @ts-expect-error -- `by` answers a text or a number
part.batch({ size: 10, by: (n) => ({ n }) }, (items) => [...items])
// @ts-expect-error -- a duration has a unit
part.batch({ size: 10, linger: '20' }, (items) => [...items])
mill.worker({ handlers: [part.batch({ size: 2 }, (items) => [...items]), upload.handler(String)] })
