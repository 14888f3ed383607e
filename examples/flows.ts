/** Tasks that come after each other, and take each other's results. `npm i millrace zod && node flows.ts` */
import { chain, chord, connect, defineTask, group } from 'millrace'
import { z } from 'zod'

const download = defineTask('download', {
  input: z.object({ url: z.string() }),
  output: z.object({ text: z.string() }),
})
const count = defineTask('count', { input: z.object({ text: z.string() }), output: z.number() })
const describe = defineTask('describe', { input: z.number(), output: z.string() })
const sum = defineTask('sum', { input: z.array(z.number()), output: z.number() })
const tell = defineTask('tell', { input: z.string() })

const told: string[] = []
const handlers = [
  download.handler(({ url }) => ({ text: `the page at ${url}` })),
  count.handler(({ text }) => text.split(' ').length),
  describe.handler((words) => `${words} words`),
  sum.handler((counts) => counts.reduce((total, words) => total + words, 0)),
  tell.handler((what) => void told.push(what)),
]

await using mill = await connect()
const worker = mill.worker({ handlers })
await worker.start()

// each step takes what the one before it has returned
const words = await mill.enqueueFlow(chain(download.with({ url: 'a' }), count, describe))
console.log(await words.last.result({ within: '10s' })) // 4 words

// a group runs side by side; what comes behind it takes all results in a list
const pages = ['a', 'b', 'c'].map((url) => chain(download.with({ url }), count))
const total = await mill.enqueueFlow(chord(pages, sum))
console.log(await total.last.result({ within: '10s' })) // 12

// callbacks hear how a group has ended
const all = await mill.enqueueFlow(
  group(
    ['a', 'b'].map((url) => download.with({ url })),
    {
      onSucceeded: tell.with('all pages are here'),
      onEnded: tell.with('all downloads are over'),
      onFailed: tell.with('a page could not be had'),
    },
  ),
)
for (const handle of all.all.slice(0, 4)) await handle.result({ within: '10s' })
console.log(told.sort().join(', ')) // all downloads are over, all pages are here
