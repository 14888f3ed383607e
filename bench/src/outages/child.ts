/** A process that enqueues, or works, while its server is killed; it is told to stop by a message. */
import { connect, defineTask, unchecked, type Mill } from 'millrace'
import type { Part, Told } from './protocol.ts'

const CALLERS = 100
/** How long a caller that was refused waits. */
const REFUSED_MS = 100

interface Input {
  readonly n: number
  /** So that a task is as large as in the other loads. */
  readonly path: string
}

const task = defineTask('outage', { input: unchecked<Input>() })

const stopping = Promise.withResolvers<void>()
let stopped = false
process.on('message', () => {
  stopped = true
  stopping.resolve()
})
// without its parent nobody asks for the answer any more
process.on('disconnect', () => process.exit(1))

function tell(told: Told): void {
  process.send!(told)
}

/** Tells together what happened in one turn of the event loop. */
class Heap<T> {
  #items: T[] = []
  readonly #tell: (items: readonly T[]) => void

  constructor(told: (items: readonly T[]) => void) {
    this.#tell = told
  }

  add(item: T): void {
    if (this.#items.push(item) > 1) return
    setImmediate(() => {
      const items = this.#items
      this.#items = []
      this.#tell(items)
    })
  }
}

const { role, url } = JSON.parse(process.argv[2]!) as Part
// what goes wrong is told by the events
const say = (): void => undefined
const logger = { debug: say, info: say, warn: say, error: say }
const mill = await connect(url, { logger })
if (role === 'producer') await produce(mill)
else await work(mill)
await mill.close()
process.disconnect()

async function produce(client: Mill): Promise<void> {
  const acknowledged = new Heap<number>((numbers) => tell({ kind: 'acknowledged', numbers, at: Date.now() }))
  let last = 0
  const call = async (): Promise<void> => {
    while (!stopped) {
      const n = (last += 1)
      try {
        await client.enqueue(task, { n, path: `/var/spool/incoming/${n}/${'x'.repeat(120)}` })
        acknowledged.add(n)
      } catch (error) {
        const ambiguous = (error as { readonly code?: unknown }).code === 'ambiguous'
        tell({ kind: 'refused', number: n, known: ambiguous ? 'nothing' : 'not enqueued' })
        // a store that is down for long is not asked: whoever is refused at once comes back later
        await new Promise((resolve) => setTimeout(resolve, REFUSED_MS))
      }
    }
  }
  tell({ kind: 'ready' })
  await Promise.all(Array.from({ length: CALLERS }, call))
}

async function work(client: Mill): Promise<void> {
  const started = new Heap<number>((times) => tell({ kind: 'started', count: times.length, at: times[0]! }))
  const accepted = new Heap<number>((numbers) => tell({ kind: 'accepted', numbers, at: Date.now() }))
  const numbers = new Map<string, number>()
  const handler = task.handler(({ n }, ctx) => {
    started.add(Date.now())
    numbers.set(ctx.task.id, n)
  })
  const worker = client.worker({ handlers: handler, concurrency: 100 })
  const numberOf = (id: string): number => {
    const n = numbers.get(id)!
    numbers.delete(id)
    return n
  }
  worker.on('succeeded', (event) => accepted.add(numberOf(event.task.id)))
  worker.on('lost', (event) => tell({ kind: 'lost', number: numberOf(event.task.id) }))
  worker.on('failed', ({ error }) => tell({ kind: 'trouble', error: String(error) }))
  worker.on('error', ({ error, doing }) => tell({ kind: 'trouble', error: `${doing}: ${String(error)}` }))
  await worker.start()
  tell({ kind: 'ready' })
  await stopping.promise
  await worker.stop()
}
