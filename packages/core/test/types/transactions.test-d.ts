// Which handler may run on which store, and what transactions look like in either.
import { expectTypeOf } from 'vitest'
import { chain } from '../../src/task/flow.ts'
import { defineTask } from '../../src/task/definition.ts'
import { unchecked } from '../../src/task/schema.ts'
import type { EnqueuedHandle } from '../../src/client/handle.ts'
import type { Handler } from '../../src/task/handler.ts'
import type { Mill } from '../../src/client/mill.ts'
import type { TransactionalMill } from '../../src/client/transactional-mill.ts'

/** As a store on asynchronous connections names its transactions … */
interface Tx {
  query(text: string): Promise<unknown>
  readonly '~takes'?: { readonly library: true; raw(text: string): void } | undefined
}
/** … one whose clients are narrower … */
interface NarrowTx extends Tx {
  readonly processId: number
}
/** … and one on synchronous connections. */
interface SyncTx {
  exec(text: string): void
  readonly '~work'?: 'synchronous' | undefined
}

declare const plain: Mill
declare const mill: TransactionalMill<Tx>
declare const narrow: TransactionalMill<NarrowTx>
declare const sync: TransactionalMill<SyncTx>
declare const tx: Tx
declare const syncTx: SyncTx

const add = defineTask('add', { input: unchecked<{ n: number }>(), output: unchecked<number>() })
const quiet = defineTask('quiet', { input: unchecked<string>(), output: unchecked<void>() })

const ordinary = add.handler(({ n }) => n)
const inTx = add.handler<Tx>(async ({ n }, ctx) =>
  ctx.transaction(async (own) => {
    expectTypeOf(own).toEqualTypeOf<Tx>()
    await own.query('SELECT 1')
    return n
  }),
)
const inSyncTx = add.handler<SyncTx>(({ n }, ctx) =>
  ctx.transaction((own) => {
    expectTypeOf(own).toEqualTypeOf<SyncTx>()
    own.exec('SELECT 1')
    return n
  }),
)
expectTypeOf(ordinary).toEqualTypeOf<Handler<typeof add>>()

// ---- a worker takes what its store can do

plain.worker({ handlers: ordinary })
mill.worker({ handlers: [ordinary, [inTx], () => inTx] })
narrow.worker({ handlers: [ordinary, inTx] })
sync.worker({ handlers: [ordinary, inSyncTx] })
// @ts-expect-error the store has no transactions
plain.worker({ handlers: inTx })
// @ts-expect-error in a list neither
plain.worker({ handlers: [ordinary, inTx] })
// @ts-expect-error nor from a function
plain.worker({ handlers: () => [inSyncTx] })
// @ts-expect-error its transactions are others
mill.worker({ handlers: inSyncTx })
// @ts-expect-error its transactions are others
sync.worker({ handlers: [inTx] })
// @ts-expect-error its transactions are wider than what the handler needs
mill.worker({ handlers: add.handler<NarrowTx>(({ n }) => n) })
// a transactional client is a client
expectTypeOf(mill).toExtend<Mill>()

// ---- what a context has

add.handler(({ n }, ctx) => {
  // @ts-expect-error a plain handler has no transactions
  void ctx.transaction
  // @ts-expect-error nor has it those of others
  void ctx.within
  return n
})
add.handler<Tx>(async ({ n }, ctx) => {
  // @ts-expect-error the result is a number
  await ctx.transaction(async () => String(n))
  // @ts-expect-error the result is a number
  await ctx.within(tx).complete('no')
  // @ts-expect-error a result is needed
  await ctx.within(tx).complete()
  // @ts-expect-error this is no transaction of the store
  void ctx.within(syncTx)
  expectTypeOf(ctx.within(tx).complete(n)).toEqualTypeOf<Promise<void>>()
  expectTypeOf(ctx.transaction(async () => n)).toEqualTypeOf<Promise<number>>()
  // a library's transaction is taken, and never given
  await ctx.within({ library: true, raw() {} }).complete(n)
  await ctx.within(tx).enqueue(quiet, 'x', { key: 'k' })
  // @ts-expect-error the input of quiet is text
  await ctx.within(tx).enqueue(quiet, 1)
  return n
})
quiet.handler<Tx>(async (_, ctx) => {
  await ctx.within(tx).complete()
  await ctx.transaction(async (own) => void (await own.query('')))
})

// ---- a synchronous connection wants synchronous work

add.handler<SyncTx>(({ n }, ctx) => {
  expectTypeOf(ctx.within(syncTx).complete(n)).toEqualTypeOf<void>()
  // @ts-expect-error an open transaction would keep everybody waiting
  void ctx.transaction(async () => n)
  return ctx.transaction(() => n)
})
const unknownResult = defineTask('unknown', { input: unchecked<number>() })
unknownResult.handler<SyncTx>((n, ctx) => {
  // @ts-expect-error whatever the result may be, a promise is none
  void ctx.transaction(async () => n)
  return ctx.transaction(() => n)
})

// ---- enqueue within

expectTypeOf(mill.within(tx).enqueue(add, { n: 1 })).toEqualTypeOf<Promise<EnqueuedHandle<typeof add>>>()
expectTypeOf(sync.within(syncTx).enqueue(add, { n: 1 })).toEqualTypeOf<EnqueuedHandle<typeof add>>()
expectTypeOf(sync.within(syncTx).enqueueMany([add.with({ n: 1 }), quiet.with('')])).toEqualTypeOf<
  [EnqueuedHandle<typeof add>, EnqueuedHandle<typeof quiet>]
>()
void mill.within({ library: true, raw() {} }).enqueue(quiet, 'x', { delay: '1s' })
// @ts-expect-error a plain client has no transactions
void plain.within
// @ts-expect-error these are transactions of another store
mill.within(syncTx)
// @ts-expect-error nothing is no transaction
sync.within(undefined)
// @ts-expect-error the input is no text
void mill.within(tx).enqueue(add, 'x')
// @ts-expect-error there is no such option
void mill.within(tx).enqueue(add, { n: 1 }, { delays: 1 })

// ---- flows within

expectTypeOf(
  mill
    .within(tx)
    .enqueueFlow(chain(quiet.with(''), add.with({ n: 1 })))
    .then(({ last }) => last),
).toEqualTypeOf<Promise<EnqueuedHandle<typeof add>>>()
expectTypeOf(sync.within(syncTx).enqueueFlow(chain(add.with({ n: 1 }))).last).toEqualTypeOf<
  EnqueuedHandle<typeof add>
>()
// @ts-expect-error what begins a flow needs an input
sync.within(syncTx).enqueueFlow(chain(add))
