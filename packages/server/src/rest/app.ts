/** The REST API as a function of requests. */
import { BackpressureError, ClosedError, InvalidArgumentError } from '@millrace/core'
import { Hono } from 'hono'
import { Caller, type CertificateSubject, type Credentials } from '../access/caller.ts'
import { REQUESTS, TokenBuckets, type RequestRate } from '../access/token-buckets.ts'
import { CALLS } from '../service/calls.ts'
import { EventHub } from '../service/events/hub.ts'
import { InvalidRequestError } from '../service/errors.ts'
import { Intake } from '../access/intake.ts'
import { Traffic, TRAFFIC } from '../access/traffic.ts'
import { HeldBytes } from '../listen/held-bytes.ts'
import { LISTEN_LIMITS } from '../listen/limits.ts'
import { PAGES_AT_ONCE, Turns } from '../listen/turns.ts'
import { admit, isWait, openStream, runCall } from '../service/run-call.ts'
import { STREAMS } from '../service/streams.ts'
import { jsonText, textAnswer } from './answers.ts'
import { jsonBody } from './body.ts'
import { checkAccept, checkHost, checkSite, type ServedHosts } from './guards.ts'
import { openApiDocument } from './openapi.ts'
import { queryInput } from './query.ts'
import { RestError } from './refusals.ts'
import { pathMembers, ROUTES, STREAM_ROUTES, type Route } from './routes.ts'
import { eventStream, eventStreamHeaders } from './sse.ts'
import { OpenCounts, STREAMS_MAX } from '../access/open-counts.ts'
import { Visit } from './visit.ts'
import { traceHeaders } from '../tracing/trace-headers.ts'
import type { ServerParts } from '../parts.ts'
import type { RingBounds } from '../service/events/ring.ts'

/** What can be said of the REST API. */
export interface RestOptions {
  /** Where it is mounted: `/queue` has `/queue/v1/tasks`. Default: at the root. */
  readonly basePath?: string | undefined
  /** `loopback`: only requests to this machine's own names are served. Default `any`. */
  readonly hosts?: ServedHosts | undefined
  /** Longest body, in bytes. Default 16 MiB. */
  readonly bodyBytes?: number | undefined
  /** How often each credential may ask. Default 1 000 in a second, 2 000 at once. */
  readonly requests?: RequestRate | undefined
  /** How many bytes each credential may send and be sent in a second: what is beyond is read, or made, later. Default 32 MiB. */
  readonly traffic?: number | undefined
  /** Streams and waits that each credential may have open. Default 1 000. */
  readonly streams?: number | undefined
  /** What is kept for those who come back to a stream. Default 10 000 events of 16 MiB together. */
  readonly events?: RingBounds | undefined
}

/** What the listener knows of a request beside what is in it. */
export interface RequestMeta {
  /** Of the client's certificate, which TLS has checked. */
  readonly certificate?: CertificateSubject | null | undefined
  /** Where it comes from. */
  readonly address?: string | null | undefined
  /** Calls back, once, when all of the answer has been taken, or nobody takes it any more. */
  readonly whenTaken?: ((callback: () => void) => void) | undefined
  /** Breaks the connection off. */
  readonly cutOff?: (() => void) | undefined
}

/** The REST API. */
export interface RestApp {
  /** Answers a request; it never rejects. */
  fetch(request: Request, meta?: RequestMeta): Promise<Response>
  /** Refuses new requests, ends streams and waits, and resolves when the others are answered. */
  close(): Promise<void>
}

const BODY_BYTES = 16 * 1_048_576
const BASE_PATH = /^(\/[A-Za-z0-9_.~-]+)*$/

/** @throws InvalidArgumentError */
export function checkBasePath(path: string): void {
  if (BASE_PATH.test(path)) return
  const hint = 'It is empty, or begins with / and does not end with it: /queue'
  throw new InvalidArgumentError(`basePath is ${JSON.stringify(path)}.`, { hint })
}
/** @throws InvalidArgumentError */
export function restApp(parts: ServerParts, options: RestOptions = {}): RestApp {
  const app = new App(parts, options)
  return { fetch: (request, meta) => app.fetch(request, meta), close: () => app.close() }
}

interface Arrival {
  readonly request: Request
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
  readonly meta: RequestMeta
  readonly visit: Visit
}

/** Who asks, as far as it matters to a request. */
interface Admitted {
  readonly caller: Caller
  readonly credentials: Credentials
}

interface Told {
  readonly caller: Caller
  readonly meta: RequestMeta
}

interface Environment {
  // eslint-disable-next-line typescript/naming-convention -- the name that hono gives it
  Bindings: Pick<Arrival, 'meta' | 'visit'>
}

class App implements RestApp {
  readonly #parts: ServerParts
  readonly #hosts: ServedHosts
  readonly #bodyBytes: number
  /** Of bodies that have not come whole. */
  readonly #bodies = HeldBytes.inQuarters(LISTEN_LIMITS.heldBytesMax)
  /** Of answers that are not taken: none is as long as a body may be. */
  readonly #answers = HeldBytes.inQuarters(LISTEN_LIMITS.heldBytesMax / 2)
  readonly #buckets: TokenBuckets
  readonly #traffic: Traffic
  readonly #intake: Intake
  readonly #open: OpenCounts
  readonly #hub: EventHub
  readonly #hono: Hono<Environment>
  readonly #closing = new AbortController()
  readonly #answering = new Set<Promise<Response>>()

  constructor(parts: ServerParts, options: RestOptions) {
    const {
      basePath = '',
      hosts = 'any',
      bodyBytes = BODY_BYTES,
      requests = REQUESTS,
      traffic = TRAFFIC,
      streams = STREAMS_MAX,
    } = options
    checkBasePath(basePath)
    this.#hosts = hosts
    this.#bodyBytes = bodyBytes
    this.#buckets = parts.rates ?? new TokenBuckets(requests, parts.platform)
    this.#traffic = parts.traffic ?? new Traffic(traffic, parts.platform)
    this.#intake = parts.intake ?? new Intake(parts.platform)
    this.#open = parts.open ?? new OpenCounts(streams)
    this.#parts = { pages: new Turns(PAGES_AT_ONCE), ...parts, traffic: this.#traffic }
    const { mill, platform, logger, hub } = parts
    this.#hub = hub ?? new EventHub({ mill, platform, logger, bounds: options.events })
    if (hub === undefined) this.#closing.signal.addEventListener('abort', () => this.#hub.close())
    this.#hono = this.#routed(basePath)
  }

  async fetch(request: Request, meta: RequestMeta = {}): Promise<Response> {
    const visit = new Visit(request, this.#parts)
    const answering = answered(visit, () => {
      if (this.#closing.signal.aborted) throw new ClosedError('This server')
      checkHost(request, this.#hosts)
      return this.#hono.fetch(request, { meta, visit })
    })
    this.#answering.add(answering)
    try {
      return visit.answered(await answering)
    } finally {
      this.#answering.delete(answering)
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#answering)
  }

  #routed(basePath: string): Hono<Environment> {
    const hono = new Hono<Environment>().basePath(basePath)
    const methods = new Map<string, string[]>()
    const add = (route: Route, answer: (arrival: Arrival) => Promise<Response>): void => {
      const path = `/v1${route.path.replaceAll(/\{(\w+)\}/g, ':$1')}`
      methods.set(path, [...(methods.get(path) ?? []), route.method])
      hono.on(route.method, path, (context) => {
        const { req, env } = context
        const { visit, meta } = env
        visit.route = `/v1${route.path}`
        const params: Readonly<Record<string, string>> = req.param()
        return answered(visit, () => answer({ request: req.raw, route, params, meta, visit }))
      })
    }
    for (const route of ROUTES) add(route, (arrival) => this.#call(arrival))
    for (const route of STREAM_ROUTES) add(route, (arrival) => this.#stream(arrival))
    const document = JSON.stringify(openApiDocument(basePath))
    const headers = { 'content-type': 'application/json; charset=utf-8', 'x-content-type-options': 'nosniff' }
    methods.set('/openapi.json', ['GET'])
    hono.get('/openapi.json', ({ env }) => {
      env.visit.route = '/openapi.json'
      return new Response(document, { headers })
    })
    for (const [path, allowed] of methods) {
      const template = path.replaceAll(/:(\w+)/g, '{$1}')
      hono.all(path, ({ req, env }) => {
        env.visit.route = template
        return answered(env.visit, () => otherMethod(req.method, allowed))
      })
    }
    hono.notFound(({ env }) => env.visit.failed(nothingHere()))
    return hono
  }

  async #call({ request, route, params, meta, visit }: Arrival): Promise<Response> {
    const call = CALLS.get(route.call)!
    if (route.method !== 'GET') checkSite(request)
    checkAccept(request, 'application/json')
    const { caller } = await this.#admitted({ request, meta, visit })
    const signal = AbortSignal.any([request.signal, this.#closing.signal])
    const trace = traceHeaders((name) => request.headers.get(name))
    const scene = { ...this.#parts, caller, signal, trace }
    await admit(call, scene)
    const input = await this.#input({ request, route, params }, caller)
    const leave = isWait(input) ? this.#entered(caller) : undefined
    try {
      signal.throwIfAborted()
      const output = await runCall(call, input, scene)
      return this.#told(jsonText(output), statusOf(route, output), { caller, meta })
    } catch (error) {
      // what it was aborted with tells nobody anything
      throw this.#closing.signal.aborted && isAbort(error, signal) ? new ClosedError('This server') : error
    } finally {
      leave?.()
    }
  }

  async #stream({ request, route, params, meta, visit }: Arrival): Promise<Response> {
    const call = STREAMS.get(route.call)!
    checkSite(request)
    checkAccept(request, 'text/event-stream')
    const { caller, credentials } = await this.#admitted({ request, meta, visit })
    caller.requireAnywhere(call.permission)
    const input = await this.#input({ request, route, params }, caller)
    if (request.method === 'HEAD') return new Response(null, { headers: eventStreamHeaders() })
    const leave = this.#entered(caller)
    const controller = new AbortController()
    const stop = (): void => controller.abort()
    const signals = [this.#closing.signal, request.signal]
    for (const signal of signals) signal.addEventListener('abort', stop, { once: true })
    const ended = (): void => {
      for (const signal of signals) signal.removeEventListener('abort', stop)
      leave()
    }
    let current = caller
    try {
      const scene = {
        ...this.#parts,
        caller,
        signal: controller.signal,
        current: () => current,
        hub: this.#hub,
      }
      const items = await openStream(call, input, scene)
      const check = async (): Promise<void> => {
        current = new Caller(await this.#parts.authenticator.authenticate(credentials))
        current.requireAnywhere(call.permission)
      }
      const { platform } = this.#parts
      const failed = (error: unknown): void => visit.broke(error)
      const over = (): void => {
        ended()
        visit.streamEnded()
      }
      visit.streams()
      return eventStream({ items, controller, platform, check, failed, ended: over })
    } catch (error) {
      ended()
      throw error
    }
  }

  async #admitted({
    request,
    meta: { certificate, address },
    visit,
  }: Pick<Arrival, 'request' | 'meta' | 'visit'>): Promise<Admitted> {
    const credentials: Credentials = {
      authorization: request.headers.get('authorization'),
      certificate: certificate ?? null,
      address,
    }
    const caller = new Caller(await this.#parts.authenticator.authenticate(credentials))
    visit.caller = caller.name
    checkRate(this.#buckets.take(caller.name))
    return { caller, credentials }
  }

  /** An answer counts for its caller until it is taken. */
  #told(text: string, status: number, { caller: { name }, meta }: Told): Response {
    this.#traffic.took(name, text.length)
    const { whenTaken, cutOff } = meta
    if (whenTaken !== undefined && cutOff !== undefined) {
      const hold = this.#answers.hold(name, cutOff)
      hold.add(text.length)
      whenTaken(() => hold.clear())
    }
    return textAnswer(text, status)
  }

  /** @throws RestError */
  #entered({ name }: Caller): () => void {
    try {
      return this.#open.enter(name)
    } catch (error) {
      if (!(error instanceof BackpressureError)) throw error
      const { message, hint, retryAfterMs } = error
      throw new RestError('rate-limited', message, { hint, retryAfterMs: retryAfterMs ?? undefined })
    }
  }

  /** @throws RestError, InvalidRequestError */
  async #input(
    { request, route, params }: Omit<Arrival, 'meta' | 'visit'>,
    { name }: Caller,
  ): Promise<Readonly<Record<string, unknown>>> {
    const { searchParams } = new URL(request.url)
    const named: Record<string, unknown> = { ...queryInput(searchParams, route.query ?? {}) }
    for (const [member, header] of Object.entries(route.headers ?? {})) {
      const value = request.headers.get(header)
      if (value !== null) named[member] = value
    }
    for (const member of pathMembers(route)) named[member] = params[member]
    if (route.method === 'GET' || route.method === 'DELETE') return named
    const body =
      (await jsonBody(request, {
        bytesMax: this.#bodyBytes,
        held: this.#bodies,
        traffic: this.#traffic,
        intake: this.#intake,
        name,
      })) ?? {}
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw new InvalidRequestError('The body is no JSON object.', [])
    const elsewhere = [...pathMembers(route), ...Object.keys(route.headers ?? {})]
    const twice = elsewhere.find((member) => Object.hasOwn(body, member))
    if (twice === undefined) return { ...body, ...named }
    throw new InvalidRequestError(
      `The body has ${twice}, which has its place in the path or in a header.`,
      [],
    )
  }
}

async function answered(visit: Visit, answer: () => Response | Promise<Response>): Promise<Response> {
  try {
    return await answer()
  } catch (error) {
    return visit.failed(error)
  }
}

/** @throws RestError */
function checkRate(waitMs: number | null): void {
  if (waitMs === null) return
  throw new RestError('rate-limited', 'This credential asks too often.', {
    hint: 'Wait as long as Retry-After says. Many tasks can be enqueued by one request.',
    retryAfterMs: waitMs,
  })
}

function otherMethod(method: string, methods: readonly string[]): Response {
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
  if (method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } })
  throw new RestError('method-not-allowed', `This path has no ${method.slice(0, 20)}.`, {
    hint: `It has ${allow}.`,
    headers: { allow },
  })
}

function nothingHere(): RestError {
  return new RestError('no-such-path', 'There is nothing at this path.', {
    hint: 'See /openapi.json for what there is.',
  })
}

function statusOf({ answers }: Route, output: unknown): number {
  if (answers !== 'created') return 200
  return (output as { readonly outcome?: unknown }).outcome === 'duplicate' ? 200 : 201
}

/** A caller who hangs up is told of by Node with an error of its own. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  return (
    signal.aborted &&
    (error === signal.reason || (error instanceof DOMException && error.name === 'AbortError'))
  )
}
