/** Fastify: below its prefix bodies are left to the server, and so are the answers. */
import { toNodeHandler } from '@millrace/server'
import { fastify } from 'fastify'
import { onStop, personOf, server, startWorker } from './queue.ts'

const app = fastify()
app.get('/', () => 'a site with a queue')
await app.register(
  async (queue) => {
    const handle = toNodeHandler(server)
    queue.removeAllContentTypeParsers()
    queue.addContentTypeParser('*', (_request, _payload, done) => done(null))
    queue.addHook('onRequest', async (request, reply) => {
      const isApi = request.url.startsWith('/queue/v1/')
      if (isApi && personOf(request.headers.authorization) === null)
        return reply.code(401).send('Who are you?')
    })
    queue.all('/*', (request, reply) => {
      reply.hijack()
      handle(request.raw, reply.raw)
    })
  },
  { prefix: '/queue' },
)

await startWorker()
const address = await app.listen({ host: '127.0.0.1', port: 0 })
console.log(`listening on ${new URL(address).port}`)
onStop(() => app.close())
