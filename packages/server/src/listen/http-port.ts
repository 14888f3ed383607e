/** The port of REST: HTTP/1.1, with TLS or without. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Server as NetServer, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Logger } from '@millrace/core'
import { isForged, peerOf } from './peer.ts'
import type { RequestMeta } from '../rest/app.ts'
import { isLoopback } from './refusal.ts'
import { bound, type Port, type PortPlan } from './port.ts'
import type { Doorkeeper } from './doorkeeper.ts'
import type { ListenLimits } from './limits.ts'

/** A handler of requests. */
export type Fetch = (request: Request, meta: RequestMeta) => Response | Promise<Response>

interface HttpPlan extends PortPlan {
  readonly fetch: Fetch
  /** `local`: only requests for this machine by name, so that no page of the web speaks through a browser here. */
  readonly hosts: 'local' | 'any'
}

/** Timeouts are looked after so often. */
const CHECK_MS = 1_000
/** It takes longer to make so many answers that it matters. */
const LOOK_MS = 250
/** So much of a body that nobody wants is read all the same: the connection goes on then. */
const UNREAD_MAX = 65_536
const LINGER_MS = 500
/** How Node calls it. */
const NONSENSE = /^(HPE_|ERR_HTTP_)/
const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/** A connection of HTTP; the answer that is under way on it is not public. */
interface InHttp extends Socket {
  readonly _httpMessage?: ServerResponse | null
}

export async function openHttpPort(plan: HttpPlan): Promise<Port> {
  const { door } = plan
  const listener = await listenerOf(plan)
  const server = newServer(plan)
  const open = new Set<ServerResponse>()
  let isLeaving = false
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    open.add(response)
    response.once('close', () => open.delete(response))
    if (isLeaving) response.shouldKeepAlive = false
    leaveUnread(request, door)
    if (plan.hosts === 'local' && !isForHere(request)) return misdirected(response)
    void listener(request, response)
  })
  limitConnections(server, plan.limits, plan.logger)
  refuseNonsense(server, door)
  server.setTimeout(plan.limits.stallTimeoutMs, (socket: Socket) => {
    // an answer that is not begun yet waits for us, and not for its reader
    const isOurs = [...open].some((response) => response.socket === socket) && socket.writableLength === 0
    if (!isOurs) socket.destroy()
  })
  const looking = setInterval(() => cutOffHoarders(open, plan), LOOK_MS).unref()
  server.once('close', () => clearInterval(looking))
  const at = await bound(server, plan)
  return {
    at,
    leave(): Promise<void> {
      isLeaving = true
      for (const response of open) response.shouldKeepAlive = false
      return new Promise((resolve) => server.close(() => resolve()))
    },
    end: () => server.closeAllConnections(),
  }
}

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<unknown>

async function listenerOf({ fetch, door }: HttpPlan): Promise<Listener> {
  const { getRequestListener } = await import('@hono/node-server')
  const metas = new WeakMap<Socket, RequestMeta>()
  return getRequestListener(
    (request, { incoming, outgoing }) => {
      const socket = incoming.socket as Socket
      const meta = {
        ...metaOf(socket, metas),
        whenTaken: (callback: () => void): void => void outgoing.once('close', callback),
        cutOff(): void {
          door.harmed(socket.remoteAddress)
          socket.destroy()
        },
      }
      const answering = fetch(request, meta)
      if (!mayBeLong(incoming as IncomingMessage)) return answering
      return unlessUnread(answering, incoming as IncomingMessage, outgoing as ServerResponse)
    },
    { overrideGlobalObjects: false },
  )
}

/** A body that is not read once the request is answered is not read any more: the connection ends with the answer. */
async function unlessUnread(
  answering: Response | Promise<Response>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Response> {
  const answer = await answering
  if (!request.complete) response.shouldKeepAlive = false
  return answer
}

function mayBeLong({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > UNREAD_MAX
}

/**
 * Node breaks the connection off after the last answer, which a client that still sends would not hear of then. It has a
 * moment for that, in which nothing of what it sends is read.
 */
function leaveUnread(request: IncomingMessage, door: Doorkeeper): void {
  if (!mayBeLong(request)) return
  const { socket } = request
  const end = socket.destroySoon.bind(socket)
  socket.destroySoon = () => {
    if (request.complete || socket.destroyed) return end()
    door.harmed(socket.remoteAddress)
    socket.end()
    // both Node and hono would read on, so as to leave nothing behind
    request._read = () => undefined
    socket.pause()
    setImmediate(() => socket.pause())
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  }
}

/** What is no HTTP, or takes too long to be some, is answered as Node does where nobody else looks. */
function refuseNonsense(server: Server, door: Doorkeeper): void {
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket: InHttp) => {
    if (socket.writableEnded) return // more of what was refused, which was on its way
    if (NONSENSE.test(code)) door.harmed(socket.remoteAddress)
    const isFree = socket._httpMessage?.headersSent !== true
    if (socket.writable && isFree)
      socket.write(`HTTP/1.1 ${REFUSALS[code] ?? '400 Bad Request'}\r\nConnection: close\r\n\r\n`)
    socket.destroySoon()
  })
}

/** Answers that are not taken: so much together, and those go first whose requests came first. */
function cutOffHoarders(open: ReadonlySet<ServerResponse>, { limits, door }: HttpPlan): void {
  let held = 0
  for (const { writableLength } of open) held += writableLength
  for (const response of open) {
    if (held <= limits.heldBytesMax) return
    if (response.writableLength === 0) continue
    held -= response.writableLength
    const { socket } = response.req
    door.harmed(socket.remoteAddress)
    socket.destroy()
  }
}

/** Of a connection it is asked once. */
function metaOf(socket: Socket, known: WeakMap<Socket, RequestMeta>): RequestMeta {
  const found = known.get(socket)
  if (found !== undefined) return found
  const { address, certificate } = peerOf(socket)
  const meta = { address: address ?? undefined, certificate: certificate ?? undefined }
  known.set(socket, meta)
  return meta
}

function newServer({ limits, tls, logger }: HttpPlan): Server {
  const options: ServerOptions = {
    maxHeaderSize: limits.headerBytesMax,
    // all of a request is not there before its headers are
    headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: CHECK_MS,
    noDelay: true,
  }
  if (tls === null) return createServer(options)
  const server = createSecureServer({
    ...options,
    ...tls.context,
    ...tls.asking,
    handshakeTimeout: limits.handshakeTimeoutMs,
  })
  tls.onChange((context) => server.setSecureContext(context))
  server.on('secureConnection', (socket: TLSSocket) => {
    if (isForged(socket)) socket.destroy()
  })
  server.on('tlsClientError', (error) => logger.debug({ err: error }, 'TLS was not agreed on.'))
  return server
}

/** Further ones are closed at once, and that is said once in a while. */
export function limitConnections(server: NetServer, { connectionsMax }: ListenLimits, logger: Logger): void {
  server.maxConnections = connectionsMax
  let dropped = 0
  server.on('drop', () => {
    dropped += 1
    if (dropped === 1 || dropped % 1_000 === 0)
      logger.warn({ dropped, connectionsMax }, 'Connections are closed: there are too many.')
  })
}

/** A page of the web that has its own name lead to 127.0.0.1 sends that name. */
function isForHere({ headers }: IncomingMessage): boolean {
  const name = URL.parse(`http://${headers.host ?? ''}`)?.hostname
  return name !== undefined && isLoopback(name)
}

function misdirected(response: ServerResponse): void {
  const problem = {
    type: 'about:blank',
    title: 'Misdirected Request',
    status: 421,
    code: 'forbidden',
    detail: 'Without authentication this server answers only requests to localhost.',
  }
  response.shouldKeepAlive = false
  response.writeHead(421, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify(problem))
}
