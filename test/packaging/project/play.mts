/** One worker, four tasks: inline, with the main thread blocked for longer than the lease, in a thread, in a process. */
import type * as Millrace from 'millrace'
import * as defined from './handlers.mts'

export interface Played {
  readonly greeting: string
  /** The attempt that blocked the thread. */
  readonly attempt: number
  readonly thread: string
  readonly process: string
  readonly pid: number
}

/** @param module the one of the handlers, for isolates */
export async function play(
  { connect }: typeof Millrace,
  store: string,
  module = new URL('./handlers.mts', import.meta.url),
): Promise<Played> {
  await using mill = await connect(store)
  const worker = mill.worker({
    handlers: [defined.greeting, defined.blocking, defined.inThread, defined.inProcess],
    isolates: { module },
    lease: '1s',
  })
  await worker.start()
  const within = { within: '30s' } as const
  const waiting = await mill.enqueue(defined.threaded, null)
  const forked = await mill.enqueue(defined.forked, null)
  const [thread, process_] = await Promise.all([waiting.result(within), forked.result(within)])
  const blocked = await mill.enqueue(defined.block, 1_800)
  const attempt = await blocked.result(within)
  const hello = await mill.enqueue(defined.greet, { name: 'Ada' })
  const greeting = await hello.result(within)
  return { greeting, attempt, thread, process: process_, pid: process.pid }
}
