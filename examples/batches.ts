/** A hundred tasks in one call, as where a service takes many at the price of one. `npm i millrace zod && node batches.ts` */
import { connect, defineTask, fail, NonRetryableError } from 'millrace'
import { z } from 'zod'

const embed = defineTask('embed', {
  input: z.object({ model: z.string(), text: z.string() }),
  output: z.array(z.number()),
  retry: { attempts: 3, base: 10 },
})

let calls = 0
/** The service: one vector for each text, if it is not too busy. */
async function vectorsOf(model: string, texts: readonly string[]): Promise<(number[] | undefined)[]> {
  calls += 1
  return texts.map((text) => (text === '' ? undefined : [model.length, text.length]))
}

const embedding = embed.batch({ size: 100, linger: '50ms', by: ({ model }) => model }, async (items) => {
  const vectors = await vectorsOf(
    items[0]!.model,
    items.map(({ text }) => text),
  )
  return vectors.map((vector) => vector ?? fail(new NonRetryableError('There is no text.')))
})

await using mill = await connect()
const worker = mill.worker({ handlers: embedding })
const texts = Array.from({ length: 200 }, (_, n) => 'word '.repeat(n % 10))
const handles = await mill.enqueueMany(texts.map((text) => embed.with({ model: 'small', text })))
await worker.run({ until: 'idle' })

const { queues } = mill
const [{ counts } = { counts: undefined }] = await queues.list()
console.log(
  `${handles.length} tasks, ${calls} calls, ${counts?.succeeded} succeeded, ${counts?.failed} failed`,
)
