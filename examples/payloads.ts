/** What goes into a task: versions of an input, and codecs. `npm i millrace && node payloads.ts` */
import { compressed, connect, defineTask, encrypted, json, richJson, unchecked } from 'millrace'

const mill = await connect()

/** What older code has enqueued: a name in one piece. */
const before = defineTask('greet', { input: unchecked<{ name: string }>() })

/** The code of today takes it in two, and says how the one becomes the other. */
const greet = defineTask('greet', {
  input: unchecked<{ first: string; last: string }>(),
  version: 2,
  upcast: {
    1: (old: { name: string }) => {
      const [first = '', last = ''] = old.name.split(' ')
      return { first, last }
    },
  },
})

/** With a codec an input may hold what JSON cannot. */
const remind = defineTask('remind', {
  input: unchecked<{ at: Date; amounts: Map<string, bigint> }>(),
  codec: richJson,
})

/** Large inputs are compressed, and nobody reads them in the store. */
const key = process.env['PAYLOAD_KEY'] ?? 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='
const file = defineTask('file', {
  input: unchecked<{ text: string }>(),
  output: unchecked<number>(),
  codec: encrypted(compressed(json), { keys: { '2026-11': key }, use: '2026-11' }),
})

const old = await mill.enqueue(before, { name: 'Ada Lovelace' })
const current = await mill.enqueue(greet, { first: 'Grace', last: 'Hopper' })
const rich = await mill.enqueue(remind, { at: new Date(0), amounts: new Map([['EUR', 12n]]) })
const filed = await mill.enqueue(file, { text: 'xyzzy '.repeat(1_000) })

const worker = mill.worker({
  handlers: [
    greet.handler(({ first, last }) => console.log(`Hello ${first} of the house ${last}`)),
    remind.handler(({ at, amounts }) => console.log(at.toISOString(), amounts.get('EUR'))),
    file.handler(({ text }) => text.length),
  ],
})
await worker.start()
for (const handle of [old, current, rich]) await handle.result({ within: '10s' })
console.log('filed', await filed.result({ within: '10s' }))
await mill.close()
