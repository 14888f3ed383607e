/** A process of a crowd: it produces or works until it is killed, or told to stop by a message. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Mill, type UniqueThen } from 'millrace'
import { KEYS, tasks } from './tasks.ts'
import type { Part, Told } from './protocol.ts'

const THENS: readonly UniqueThen[] = ['keep', 'replace', 'reject']
/** How long callers and handlers take their time, at most. */
const PAUSE_MS = 20
const FAILING = 0.2

let stopped = false
const stopping = Promise.withResolvers<void>()
process.on('message', () => {
  stopped = true
  stopping.resolve()
})
// without its parent nobody counts any more
process.on('disconnect', () => process.exit(1))

function tell(told: Told): void {
  if (process.connected) process.send!(told)
}

function drawn<T>(from: readonly T[]): T {
  return from[Math.floor(Math.random() * from.length)]!
}

const { role, url, callers } = JSON.parse(process.argv[2]!) as Part
const say = (): void => undefined
const mill = await connect(url, { logger: { debug: say, info: say, warn: say, error: say } })
if (role === 'producer') await produce(mill)
else await work(mill)
await mill.close()
process.disconnect()

async function produce(client: Mill): Promise<void> {
  const counts: Record<string, number> = {}
  const call = async (): Promise<void> => {
    while (!stopped) {
      const answer = await enqueueOne(client)
      counts[answer] = (counts[answer] ?? 0) + 1
      await sleep(Math.random() * PAUSE_MS)
    }
  }
  tell({ kind: 'ready' })
  await Promise.all(Array.from({ length: callers }, call))
  tell({ kind: 'answers', counts })
}

async function enqueueOne(client: Mill): Promise<string> {
  const key = drawn(KEYS)
  // some are delayed, so that a key is held while its task waits
  const options = { delay: Math.random() * 3 * PAUSE_MS, unique: { key, then: drawn(THENS) } }
  try {
    const handle = await client.enqueue(drawn(tasks), { key }, options)
    if (handle.outcome !== 'duplicate') tell({ kind: 'acknowledged', ids: [handle.id], at: Date.now() })
    return handle.outcome
  } catch (error) {
    return String((error as { readonly code?: unknown }).code)
  }
}

async function work(client: Mill): Promise<void> {
  const handlers = tasks.map((task) =>
    task.handler(async (_, ctx) => {
      tell({ kind: 'started', ids: [ctx.task.id], at: Date.now() })
      await sleep(Math.random() * PAUSE_MS)
      if (Math.random() < FAILING) throw new Error('as it happens')
    }),
  )
  const worker = client.worker({ handlers, concurrency: 8, lease: '1s' })
  await worker.start()
  tell({ kind: 'ready' })
  await stopping.promise
  await worker.stop()
}
