/** Hono: its requests and answers are those of the web, so `fetch` is all that it takes. */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { onStop, personOf, server, startWorker } from './queue.ts'

const app = new Hono()
app.get('/', (context) => context.text('a site with a queue'))
// the site's own authentication comes first; the server asks again, for what this person may
app.use('/queue/v1/*', async (context, next) => {
  if (personOf(context.req.header('authorization')) === null) return context.text('Who are you?', 401)
  return next()
})
app.all('/queue/*', (context) => server.fetch(context.req.raw))

await startWorker()
const listening = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  console.log(`listening on ${port}`),
)
onStop(() => new Promise((resolve) => listening.close(resolve)))
