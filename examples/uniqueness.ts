/** Debounce and throttle, by unique keys. `npm i millrace && node uniqueness.ts` */
import { connect, defineTask, unchecked, type EnqueuedHandle } from 'millrace'

const mill = await connect()

/** Debounce: the last one wins, once it has been quiet for a while. */
const index = defineTask('index', {
  input: unchecked<{ path: string; text: string }>(),
  unique: { key: ({ path }) => path, while: 'waiting', then: 'replace' },
})

function changed(path: string, text: string): Promise<EnqueuedHandle<typeof index>> {
  return mill.enqueue(index, { path, text }, { delay: '500ms' })
}

/** Throttle: the first one wins, and keeps the others away for an hour. */
const remind = defineTask('remind', {
  input: unchecked<{ user: string }>(),
  unique: { key: ({ user }) => user, within: '1h', then: 'keep' },
})

const worker = mill.worker({
  handlers: [
    index.handler(({ path, text }) => console.log(`${path} is "${text}"`)),
    remind.handler(({ user }) => console.log(`${user} is reminded`)),
  ],
})
await worker.start()

await changed('a.md', 'Hello')
const second = await changed('a.md', 'Hello Ada')
const last = await changed('a.md', 'Hello Ada!')
if (last.outcome === 'replaced')
  console.log(`the last one replaced the second: ${last.previous === second.id}`)

const first = await mill.enqueue(remind, { user: 'Ada' })
await first.result({ within: '10s' })
const again = await mill.enqueue(remind, { user: 'Ada' })
if (again.outcome === 'duplicate') console.log(`reminded before: that task has ${again.by.state}`)

await last.result({ within: '10s' })
await mill.close()
