/** A process of a crowd: it produces or works until it is killed, or told to stop by a message. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Mill } from 'millrace'
import { PLAYS } from './play.ts'
import type { Part, Told } from './protocol.ts'

/** How long handlers take their time, at most. */
const BUSY_MS = 20
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

const { role, url, callers, play } = JSON.parse(process.argv[2]!) as Part
const { tasks, pauseMs, draw } = PLAYS[play]
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
      await sleep(Math.random() * pauseMs)
    }
  }
  tell({ kind: 'ready' })
  await Promise.all(Array.from({ length: callers }, call))
  tell({ kind: 'answers', counts })
}

async function enqueueOne(client: Mill): Promise<string> {
  const { task, input, options } = draw()
  try {
    const handle = await client.enqueue(task, input, options)
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
      await sleep(Math.random() * BUSY_MS)
      if (Math.random() < FAILING) throw new Error('as it happens')
    }),
  )
  const worker = client.worker({ handlers, concurrency: 8, lease: '1s' })
  await worker.start()
  tell({ kind: 'ready' })
  await stopping.promise
  await worker.stop()
}
