/** What a user's handlers may look like: three ways to run one. The command line and the isolates import it. */
import { defineTask, unchecked } from 'millrace'
import { isMainThread } from 'node:worker_threads'
import { z } from 'zod'

const place = () => `${process.pid} ${isMainThread ? 'main' : 'thread'}`

export const greet = defineTask('greet', { input: z.object({ name: z.string() }), output: z.string() })
export const block = defineTask('block', { input: unchecked<number>(), output: unchecked<number>() })
export const threaded = defineTask('threaded', { input: unchecked<null>(), output: unchecked<string>() })
export const forked = defineTask('forked', { input: unchecked<null>(), output: unchecked<string>() })

export const greeting = greet.handler(({ name }) => `Hello ${name}`)
/** Nothing but another thread renews the lease meanwhile. */
export const blocking = block.handler(
  (ms, ctx) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    ctx.throwIfLost()
    return ctx.attempt
  },
  { maxBlock: '30s' },
)
export const inThread = threaded.handler(place, { runIn: 'thread' })
export const inProcess = forked.handler(place, { runIn: 'process' })
