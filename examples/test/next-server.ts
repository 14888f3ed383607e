/** What Next.js does with the example, by structure: it registers the instrumentation, then calls the routes with a Request. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toNodeHandler } from '@millrace/server'
import { register } from '../nextjs/instrumentation.ts'

type Route = Readonly<Record<string, (request: Request, context: object) => Promise<Response>>>

await register()
const greetings: Route = await import('../nextjs/app/api/greetings/route.ts')
const queue: Route = await import('../nextjs/app/queue/[...path]/route.ts')

const fetch = (request: Request): Promise<Response> => {
  const { pathname } = new URL(request.url)
  const route = pathname.startsWith('/queue/') ? queue : greetings
  const answer = route[request.method]
  if (answer === undefined) return Promise.resolve(new Response(null, { status: 405 }))
  return answer(request, { params: Promise.resolve({ path: pathname.split('/').slice(2) }) })
}
const server = createServer(toNodeHandler({ fetch }))
server.listen(0, '127.0.0.1', () => console.log(`listening on ${(server.address() as AddressInfo).port}`))
