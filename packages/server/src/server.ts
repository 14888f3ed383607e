/** A server as a whole: who may come in, what is noted, what answers, and where. */
import { ClosedError, InvalidArgumentError, type Mill } from '@millrace/core'
import { OpenCounts, STREAMS_MAX } from './access/open-counts.ts'
import { REQUESTS, TokenBuckets } from './access/token-buckets.ts'
import { Intake } from './access/intake.ts'
import { Traffic, TRAFFIC } from './access/traffic.ts'
import { newAuthenticator, type AuthOptions, type OpenAuthenticator } from './access/authenticator.ts'
import { openAudit, type AuditOptions, type OpenAudit } from './audit/sinks.ts'
import { Health } from './health/health.ts'
import type { Reloads } from './health/reloads.ts'
import { livezHandler, readyzHandler } from './health/handlers.ts'
import { Doorkeeper } from './listen/doorkeeper.ts'
import { Draining } from './listen/draining.ts'
import { listenLimits } from './listen/limits.ts'
import { checkListening, listen, type Listening, type ListenOptions } from './listen/listen.ts'
import { PAGES_AT_ONCE, Turns } from './listen/turns.ts'
import type { Fetch } from './listen/http-port.ts'
import { MetricsRoom, type MetricsOptions } from './metrics/metrics-room.ts'
import { loggedProblem } from './rest/logged-problem.ts'
import { checkBasePath, restApp, type RequestMeta, type RestApp, type RestOptions } from './rest/app.ts'
import type { ServerParts } from './parts.ts'
import { EventHub } from './service/events/hub.ts'
import { AS_IT_IS, type Redact } from './service/redaction.ts'

/** How a server is made. */
export interface ServerOptions extends RestOptions, MetricsOptions {
  /**
   * By what callers are known. Default `none`: nobody is asked, and everybody may do anything; then only requests to this
   * machine by its loopback names are served.
   */
  readonly auth?: AuthOptions | undefined
  /** What is shown in the place of what users put into tasks. Default: the value itself. */
  readonly redact?: Redact | undefined
  /** Where it is noted what operators do: the path of a file, or a function. Default: the log of the client. */
  readonly audit?: AuditOptions | undefined
}

/** A server. */
export interface Server extends AsyncDisposable {
  /**
   * Reads its keys and opens the store now, instead of with the first request.
   *
   * @throws InvalidArgumentError for options that cannot be; what `mill.open` throws
   */
  open(): Promise<void>
  /**
   * Answers a request, as `fetch` of a web framework's does; it never rejects. The path is that which was asked for, whole:
   * `basePath` says where it begins. For frameworks that speak node's requests and responses: `toNodeHandler`.
   */
  readonly fetch: (request: Request, meta?: RequestMeta) => Promise<Response>
  /**
   * Listens for REST and gRPC, once. From then on it also looks after the store, as workers do beside their tasks: so
   * schedules fire, and what dead workers held is taken over, where all workers are elsewhere.
   *
   * @throws InvalidArgumentError if it would be open to others, or an address is not to be had; what `open` throws
   */
  listen(options?: ListenOptions): Promise<Listening>
  /**
   * Is not ready any more, refuses new calls, ends streams and waits, and resolves when the others are answered, or after
   * the `drain` of `listen`. `now`: breaks everything off. The client stays open.
   */
  close(how?: 'drain' | 'now'): Promise<void>
}

/**
 * The server of a client's store. It listens where `listen` says; or its `fetch` is mounted in a server of yours. The client
 * is yours: close it when the server is closed.
 *
 * @throws InvalidArgumentError
 */
export function createServer(mill: Mill, options: ServerOptions = {}): Server {
  const given: unknown = mill
  if (typeof given !== 'object' || given === null || !('~served' in given))
    throw new InvalidArgumentError('The server has no client to stand for.', {
      hint: 'Give what connect answers.',
    })
  checkBasePath(options.basePath ?? '')
  return new MillServer(mill, options)
}

/** A part of the server that answers the requests that are its own; `undefined`: another one does. */
type Room = (request: Request, meta: RequestMeta) => Promise<Response> | undefined

/** What there is once a server is open. */
interface Opened {
  readonly parts: ServerParts
  readonly authenticator: OpenAuthenticator
  readonly audit: OpenAudit
  readonly health: Health
  readonly metrics: MetricsRoom
  readonly hub: EventHub
  readonly app: RestApp
  readonly rooms: readonly Room[]
}

class MillServer implements Server {
  /** A function by itself: so it can be handed to whoever mounts it. */
  readonly fetch: Server['fetch'] = (request, meta = {}) => this.#fetch(request, meta)
  readonly #mill: Mill
  readonly #options: ServerOptions
  readonly #draining = new Draining()
  /** The files of TLS, once it listens. */
  #tls: () => Reloads = () => new Map()
  #opening: Promise<Opened> | undefined
  #listening: Promise<Listening> | undefined
  #closing: Promise<void> | undefined

  constructor(mill: Mill, options: ServerOptions) {
    this.#mill = mill
    this.#options = options
  }

  async open(): Promise<void> {
    await this.#opened()
  }

  async #fetch(request: Request, meta: RequestMeta): Promise<Response> {
    let opened
    try {
      opened = await this.#opened()
    } catch (error) {
      const { platform, logger } = this.#mill['~served']
      return loggedProblem(error, { platform, logger, instance: new URL(request.url).pathname })
    }
    for (const room of opened.rooms) {
      const answering = room(request, meta)
      if (answering !== undefined) return answering
    }
    return opened.app.fetch(request, meta)
  }

  async listen(options: ListenOptions = {}): Promise<Listening> {
    if (this.#listening !== undefined)
      throw new InvalidArgumentError('The server listens already.', {
        hint: 'Make another one for another address.',
      })
    // before the store is opened, which may make it
    checkListening(this.#authentication, options)
    this.#listening = this.#listen(options)
    this.#listening.catch(() => (this.#listening = undefined))
    return this.#listening
  }

  async close(how: 'drain' | 'now' = 'drain'): Promise<void> {
    const listening = await this.#listening?.catch(() => undefined) // its caller was told
    if (listening !== undefined) return listening.close(how)
    return this.#end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #authentication(): 'none' | 'some' {
    return (this.#options.auth ?? 'none') === 'none' ? 'none' : 'some'
  }

  #opened(): Promise<Opened> {
    if (this.#closing !== undefined) return Promise.reject(new ClosedError('This server'))
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #open(): Promise<Opened> {
    const { auth = 'none', redact = AS_IT_IS, audit: to, metrics: scrapes, registry, ...rest } = this.#options
    const { store, platform, logger } = this.#mill['~served']
    await using opening = new AsyncDisposableStack()
    const authenticator = opening.adopt(await newAuthenticator(auth, { logger, platform }), (one) =>
      one.close(),
    )
    const audit = opening.adopt(await openAudit(to, logger), (one) => one.close())
    await this.#mill.open()
    const known = { mill: this.#mill, store, platform, logger, authenticator, audit, redact }
    const reloads = (): Reloads => new Map([...authenticator.reloads, ...this.#tls()])
    const hosts = rest.hosts ?? (auth === 'none' ? 'loopback' : 'any')
    const metrics = new MetricsRoom({ ...known, reloads }, { metrics: scrapes, registry, hosts })
    const hub = new EventHub({ mill: this.#mill, platform, logger, bounds: rest.events })
    const parts = {
      ...known,
      recorder: metrics.recorder,
      hub,
      rates: new TokenBuckets(rest.requests ?? REQUESTS, platform),
      traffic: new Traffic(rest.traffic ?? TRAFFIC, platform),
      intake: new Intake(platform),
      open: new OpenCounts(rest.streams ?? STREAMS_MAX),
      pages: new Turns(PAGES_AT_ONCE),
    }
    const health = new Health({ store, platform, reloads })
    const app = restApp(parts, { ...rest, hosts })
    metrics.start()
    this.#draining.leaving.addEventListener('abort', () => health.drain())
    opening.move()
    const { basePath = '' } = rest
    const rooms = [
      at(`${basePath}/livez`, livezHandler()),
      at(`${basePath}/readyz`, readyzHandler(health)),
      at(`${basePath}/metrics`, (request, meta) => metrics.fetch(request, meta)),
    ]
    return { parts, authenticator, audit, health, metrics, hub, app, rooms }
  }

  async #listen(options: ListenOptions): Promise<Listening> {
    const { parts, authenticator, app, health } = await this.#opened()
    // loaded by those who listen only
    const { newGrpc } = await import('./grpc/services.ts')
    const { ending } = this.#draining
    const limits = listenLimits(options.limits)
    const { logger, platform } = parts
    const door = new Doorkeeper({ logger, platform, perSecond: limits.harmPerSecond })
    const grpc =
      options.grpcPort === false
        ? null
        : newGrpc({ ...parts, health }, { signal: ending, limits, door, reflection: options.reflection })
    this.#draining.ending.addEventListener('abort', () => void app.close())
    const fetch: Fetch = this.fetch
    const answering = {
      fetch,
      grpc,
      authentication: this.#authentication,
      draining: this.#draining,
      door,
      logger,
      platform,
    }
    const upkeep = await this.#mill['~served'].startUpkeep()
    const listened = await listen(answering, options).catch(async (error: unknown) => {
      await upkeep.stop()
      throw error
    })
    const end = (): Promise<void> => this.#end()
    if (options.tls !== undefined) this.#tls = () => new Map([['tls', listened.problem]])
    return {
      url: listened.url,
      grpcUrl: listened.grpcUrl,
      get problem() {
        return [...authenticator.reloads.values()].find((one) => one !== null) ?? listened.problem
      },
      async close(how) {
        await listened.close(how)
        await upkeep.stop()
        await end()
      },
    }
  }

  #end(): Promise<void> {
    this.#closing ??= this.#ended()
    return this.#closing
  }

  async #ended(): Promise<void> {
    this.#draining.end()
    const opened = await this.#opening?.catch(() => undefined) // whoever opened it was told
    if (opened === undefined) return
    await opened.app.close()
    opened.hub.close()
    opened.health.close()
    await opened.metrics.close()
    opened.authenticator.close()
    await opened.audit.close()
  }
}

function at(path: string, answer: (request: Request, meta: RequestMeta) => Promise<Response>): Room {
  return (request, meta) => (new URL(request.url).pathname === path ? answer(request, meta) : undefined)
}
