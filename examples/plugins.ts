/**
 * A plugin of one's own: every task carries the request that caused it, and each run is timed. What a handler enqueues
 * inherits the headers of its task, so that the request is known however deep. `node plugins.ts`
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { connect, currentTask, defineTask, type Plugin } from 'millrace'
import { z } from 'zod'

const requests = new AsyncLocalStorage<string>()

const requestId: Plugin = {
  name: 'request-id',
  async enqueue({ drafts }, next) {
    const request = requests.getStore()
    for (const draft of drafts) {
      if (request === undefined) continue
      draft.options = { ...draft.options, headers: { 'request-id': request, ...draft.options.headers } }
    }
    await next()
  },
}

function timing(report: (types: string, ms: number) => void): Plugin {
  return {
    name: 'timing',
    async run({ ctx }, next) {
      // a batch has several tasks, and a context of each
      const types = 'items' in ctx ? ctx.items.map(({ task }) => task.type) : [ctx.task.type]
      const started = performance.now()
      try {
        await next()
      } finally {
        report(types.join(', '), performance.now() - started)
      }
    },
    event(e) {
      if (e.name === 'failed') console.log(`${e.task.type} failed: ${String(e.error)}`)
    },
  }
}

const order = defineTask('order', { input: z.object({ item: z.string() }) })
const invoice = defineTask('invoice', { input: z.object({ item: z.string() }), output: z.string() })

/** Deep below a handler nobody hands a context along. */
const cause = (): string => currentTask()?.task.headers['request-id'] ?? 'nobody'

const timed: string[] = []
const plugins = [requestId, timing((types) => timed.push(types))]
await using mill = await connect('memory:', { plugins })
const worker = mill.worker({
  handlers: [
    order.handler(async (input, ctx) => void (await ctx.enqueue(invoice, input))),
    invoice.handler(({ item }) => `${item} for ${cause()}`),
  ],
})
await requests.run('req-7', () => mill.enqueue(order, { item: 'a lathe' }))
await worker.run({ until: 'idle' })
const { tasks } = await mill.tasks.list({ type: 'invoice' })
for (const { id } of tasks) console.log((await mill.tasks.get(id))?.result) // a lathe for req-7
console.log(timed.toSorted().join(' ')) // invoice order
console.log(cause()) // nobody
