/** Schemas of any library that speaks Standard Schema: valibot and arktype here. `node schemas.ts` */
import { type } from 'arktype'
import { connect, defineTask } from 'millrace'
import * as v from 'valibot'

/** What is enqueued and stored is the schema's input; the handler gets its output. */
const measure = defineTask('measure', {
  input: v.object({ text: v.pipe(v.string(), v.trim(), v.minLength(1)), times: v.optional(v.number(), 1) }),
  output: v.number(),
})
const mail = defineTask('mail', {
  input: type({ to: 'string.email', 'cc?': 'string.email[]' }),
  output: type('string'),
})

await using mill = await connect('memory:')
const worker = mill.worker({
  handlers: [
    measure.handler(({ text, times }) => text.length * times),
    mail.handler(({ to, cc = [] }) => [to, ...cc].join(' ')),
  ],
})
await worker.start()
const within = { within: '10s' } as const
console.log(await (await mill.enqueue(measure, { text: ' four ' })).result(within)) // 4
console.log(await (await mill.enqueue(mail, { to: 'ada@example.com' })).result(within)) // ada@example.com

for (const wrong of [() => mill.enqueue(measure, { text: '  ' }), () => mill.enqueue(mail, { to: 'nobody' })])
  await wrong().catch((error: Error) => console.log(error.message))
