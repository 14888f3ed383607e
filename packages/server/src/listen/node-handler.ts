/** A server behind frameworks that speak node's requests and responses: Express, NestJS, Fastify. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestMeta } from '../rest/app.ts'
import { jsonAnswer } from '../rest/answers.ts'
import { peerOf } from './peer.ts'

/** Answers a request of node's. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void

/** What parsers of bodies, and routers, leave in a request. */
interface Handled extends IncomingMessage {
  readonly body?: unknown
  rawBody?: unknown
  /** Before a router took away what it was mounted at. */
  readonly originalUrl?: string
}

type Fetch = (request: Request, meta: RequestMeta) => Promise<Response>
type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/**
 * A server as a handler of node's requests, as in `app.use('/queue', toNodeHandler(server))`. The server has the
 * `basePath` that it is mounted at. A body that something before it has parsed is taken from `request.rawBody` or
 * `request.body`; one that was read and left in neither is answered with 500, and what to do.
 */
export function toNodeHandler({ fetch }: { readonly fetch: Fetch }): NodeHandler {
  let listening: Promise<Listener> | undefined
  return (request, response) => {
    listening ??= listenerOf(fetch)
    listening
      .then((listener) => listener(prepared(request), response))
      // nothing can be said any more, but nobody waits either
      .catch(() => response.destroy())
  }
}

async function listenerOf(fetch: Fetch): Promise<Listener> {
  // loaded by those who need it only
  const { getRequestListener } = await import('@hono/node-server')
  return getRequestListener(
    (request, { incoming }) => {
      const given = incoming as Handled
      if (isLost(given)) return lostBody(request)
      const { address, certificate } = peerOf(given.socket)
      return fetch(request, { address, certificate })
    },
    { overrideGlobalObjects: false },
  )
}

function prepared(incoming: IncomingMessage): IncomingMessage {
  const request: Handled = incoming
  if (request.originalUrl !== undefined) incoming.url = request.originalUrl
  // that is where the listener looks for what is not to be read any more
  if (isRead(request)) request.rawBody = bytesOf(request)
  return request
}

/** Whether somebody has read the body, or is about to. */
function isRead({ readableDidRead, method }: Handled): boolean {
  return readableDidRead && method !== 'GET' && method !== 'HEAD'
}

function isLost(request: Handled): boolean {
  const { headers, rawBody } = request
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  return isRead(request) && hasBody && rawBody === undefined
}

function bytesOf({ rawBody, body }: Handled): Buffer | undefined {
  const found = rawBody ?? body
  if (found === undefined || Buffer.isBuffer(found)) return found
  return Buffer.from(typeof found === 'string' ? found : JSON.stringify(found))
}

/** It is a mistake in how the server was mounted: whoever did that is to see it, and not to wait for a body that is gone. */
function lostBody(request: Request): Response {
  const problem = {
    type: 'urn:millrace:problem:internal',
    status: 500,
    code: 'internal',
    title: 'Something went wrong in the server',
    detail: 'The body of the request was read before the server got the request.',
    hint: 'Mount the server before what reads bodies, or let that leave them in request.body or request.rawBody.',
    instance: new URL(request.url).pathname,
  }
  return jsonAnswer(problem, 500, { 'content-type': 'application/problem+json; charset=utf-8' })
}
