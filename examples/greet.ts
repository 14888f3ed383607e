/** The first file: a task, a worker and a producer in one process. `npm i millrace zod && node greet.ts` */
import { connect, defineTask } from 'millrace'
import { z } from 'zod'

const greet = defineTask('greet', { input: z.object({ name: z.string() }), output: z.string() })

await using mill = await connect() // MILLRACE_STORE, else sqlite:millrace.db: the same as the command line
const worker = mill.worker({ handlers: [greet.handler(({ name }) => `Hello ${name}`)] })
await worker.start()
const handle = await mill.enqueue(greet, { name: 'Ada' }, { delay: '1s' })
console.log(await handle.result({ within: '10s' })) // Hello Ada
