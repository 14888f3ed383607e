/** What Next.js does with the example, by structure: it registers the instrumentation, then calls the routes with a Request. */
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { AddressInfo } from 'node:net'
import { register } from '../nextjs/instrumentation.ts'

await register()
const { GET, POST } = await import('../nextjs/app/api/greetings/route.ts')

const server = createServer((incoming, outgoing) => {
  void (async () => {
    const { method = 'GET', url = '/' } = incoming
    const body = method === 'POST' ? { body: new Uint8Array(await buffer(incoming)) } : {}
    const request = new Request(new URL(url, 'http://localhost'), { method, ...body })
    const response = await (method === 'POST' ? POST : GET)(request)
    outgoing.writeHead(response.status).end(await response.text())
  })()
})
server.listen(0, '127.0.0.1', () => console.log(`listening on ${(server.address() as AddressInfo).port}`))
